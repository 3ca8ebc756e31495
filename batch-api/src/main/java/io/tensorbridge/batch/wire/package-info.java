/**
 * The wire format of {@code spec/}, one class for each structure.
 *
 * <p>A class knows the offsets of its structure's fields; nobody else does. Accessors take a segment
 * and the byte offset at which the structure begins, check nothing, and allocate nothing. All
 * integers are little-endian. An unsigned 32-bit field is an {@code int} where it is only compared
 * for equality (ids, generations, codes, ring indices) and a {@code long} where it is a size, an
 * offset or a count; an unsigned 64-bit field is a {@code long} whose negative values stand for
 * numbers above 2<sup>63</sup>.
 *
 * <pre>
 *   socket    {@link io.tensorbridge.batch.wire.MessageHeader} + {@link io.tensorbridge.batch.wire.Hello} {@link io.tensorbridge.batch.wire.Welcome} {@link io.tensorbridge.batch.wire.Register} {@link io.tensorbridge.batch.wire.Release}
 *             {@link io.tensorbridge.batch.wire.OperationList} {@link io.tensorbridge.batch.wire.ErrorMessage}
 *   rings     {@link io.tensorbridge.batch.wire.ControlLayout}: {@link io.tensorbridge.batch.wire.SubmissionEntry}[N] {@link io.tensorbridge.batch.wire.CompletionEntry}[N]
 *   regions   {@link io.tensorbridge.batch.wire.Span} to {@link io.tensorbridge.batch.wire.BatchBlock} of {@link io.tensorbridge.batch.wire.ItemRecord} of {@link io.tensorbridge.batch.wire.TensorDescriptor}
 *             {@link io.tensorbridge.batch.wire.Span} to {@link io.tensorbridge.batch.wire.StatusLayout}, which may hold {@link io.tensorbridge.batch.wire.PlanRecord}s
 * </pre>
 */
@NullMarked
package io.tensorbridge.batch.wire;

import org.jspecify.annotations.NullMarked;
