/**
 * Arrow data on foreign memory: IPC files and streams, read in place and written by position.
 *
 * <p>Terms, beside those of {@link io.tensorbridge}:
 *
 * <dl>
 *   <dt>{@linkplain io.tensorbridge.arrow.ArrowSchema schema}
 *   <dd>the fields of a table: a name, a type, and the fields of nested values
 *   <dt>{@linkplain io.tensorbridge.arrow.ArrowBatch record batch}
 *   <dd>a run of rows; a file holds any number of them under one schema
 *   <dt>{@linkplain io.tensorbridge.arrow.ArrowColumn column}
 *   <dd>the buffers of one field in one batch: which rows are null, offsets, values
 *   <dt>message
 *   <dd>metadata (a flatbuffer) and a body of buffers; what files and streams are made of
 * </dl>
 *
 * <p>Only {@code org.apache.arrow.flatbuf} is used of Arrow: no allocator and no vectors. What is
 * read follows the columnar format 1.5 ({@code arrow.apache.org/docs/format/Columnar.html}).
 */
@NullMarked
package io.tensorbridge.arrow;

import org.jspecify.annotations.NullMarked;
