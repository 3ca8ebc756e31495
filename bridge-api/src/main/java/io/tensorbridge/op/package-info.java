/**
 * The first extension point: operations on batches of tensors.
 *
 * <p>A {@link io.tensorbridge.op.TensorOp} is planned once per (input types, options), which
 * validates both and tells the sizes of its outputs, and then run any number of times on memory that
 * the caller provides. Work is cut into phases and chunks, so that any number of threads can share
 * it, with progress and cancellation between chunks and the same bytes for any number of threads:
 *
 * <pre>
 *   TensorOp ──plan(types, options)──> OpPlan ──bind(memory)──> OpRun ──chunks──> Outcome
 *    one per name                       immutable, cached         one execution     Done | NeedsSpace
 * </pre>
 *
 * <p>{@link io.tensorbridge.op.OpBatch} drives many runs over a {@link
 * io.tensorbridge.op.WorkerPool}.
 */
@NullMarked
package io.tensorbridge.op;

import org.jspecify.annotations.NullMarked;
