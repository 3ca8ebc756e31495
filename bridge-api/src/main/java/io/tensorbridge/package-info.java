/**
 * The vocabulary of Tensorbridge: what a tensor is, where its bytes lie, and how long they stay.
 *
 * <p>Terms used everywhere in the project:
 *
 * <dl>
 *   <dt>{@linkplain io.tensorbridge.DType dtype}
 *   <dd>how one element is encoded
 *   <dt>{@linkplain io.tensorbridge.Shape shape}
 *   <dd>how many elements there are along each dimension, outermost first
 *   <dt>{@linkplain io.tensorbridge.TensorLayout layout}
 *   <dd>dtype, shape, byte offset and byte strides: where each element lies in a segment
 *   <dt>{@linkplain io.tensorbridge.Tensor tensor}
 *   <dd>a layout over a {@link java.lang.foreign.MemorySegment}; it owns nothing
 *   <dt>{@linkplain io.tensorbridge.Region region}
 *   <dd>a piece of mapped memory with one owner; it is unmapped after its last lease
 *   <dt>{@linkplain io.tensorbridge.Lease lease}
 *   <dd>a promise that a region stays mapped until the lease is closed
 *   <dt>{@linkplain io.tensorbridge.Backing backing}
 *   <dd>what stands behind the bytes, and so who else may change or remove them
 * </dl>
 *
 * <p>Every failure is a {@link io.tensorbridge.BridgeException}, one subclass per cause.
 */
@NullMarked
package io.tensorbridge;

import org.jspecify.annotations.NullMarked;
