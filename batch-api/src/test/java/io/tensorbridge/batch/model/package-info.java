/**
 * A model of the ring protocol of spec/ring.md, and a checker that looks at all of its states.
 *
 * <p>Every thread of both sides is an {@code Agent} that takes one step at a time; a step reads or
 * writes shared memory once. {@code Memory} keeps what a thread has stored and others can't see yet.
 * {@code Explorer} follows every order of steps. What a model can't show: how long anything takes,
 * and what lies in blocks and tensors.
 */
package io.tensorbridge.batch.model;
