/**
 * The C Data and C Stream interface: columns, record batches and streams from and to other libraries
 * of this process, without JNI and without a copy.
 *
 * <p>Terms, beside those of {@link io.tensorbridge.arrow}:
 *
 * <dl>
 *   <dt>struct
 *   <dd>{@code struct ArrowSchema}, {@code ArrowArray} or {@code ArrowArrayStream}, at an address
 *       that one side gives and the other fills
 *   <dt>{@linkplain io.tensorbridge.arrow.cdata.ArrowExport export}
 *   <dd>fill a struct that a consumer gave; its release, from any thread, ends the owner of the memory
 *   <dt>{@linkplain io.tensorbridge.arrow.cdata.ArrowImport import}
 *   <dd>take over a struct that a producer filled; who imported closes, which calls the producer's
 *       release
 *   <dt>{@linkplain io.tensorbridge.arrow.cdata.Owned owned}
 *   <dd>something over memory, and what ends its use
 * </dl>
 *
 * <p>The interface is part of the columnar format 1.5 ({@code
 * arrow.apache.org/docs/format/CDataInterface.html}). Addresses belong to this process and can't be
 * checked: a wrong one ends it. What the structs say is checked.
 */
@NullMarked
package io.tensorbridge.arrow.cdata;

import org.jspecify.annotations.NullMarked;
