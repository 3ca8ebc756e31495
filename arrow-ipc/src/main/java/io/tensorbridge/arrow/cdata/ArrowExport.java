package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.internal.cdata.ExportedStream;
import io.tensorbridge.arrow.internal.cdata.Exports;

/**
 * Gives Arrow data to other libraries of this process; thread-safe.
 *
 * <p>The consumer gives the address of a struct that is empty or released, and gets one that leads to
 * the memory of the columns: nothing is copied but names and types. The consumer releases it, from
 * any thread, once; parts that it moved out live on until they are released, too. With the last of
 * them the owner of the memory ends, however long ago it was closed in Java.
 *
 * <p>If an export throws, the struct is as it was, and the caller still has what it gave. All structs
 * must be released before the JVM ends.
 */
public final class ArrowExport {
  private ArrowExport() {}

  /**
   * Exports the columns of a table.
   *
   * @param schema copied
   * @param address of a {@code struct ArrowSchema}
   * @throws IllegalArgumentException if the address is none, or a name has a zero
   */
  public static void schema(ArrowSchema schema, long address) {
    SchemaExport.export(schema, CStruct.SCHEMA.requireTarget(address));
  }

  /**
   * Exports a type with its name.
   *
   * @param field copied
   * @param address of a {@code struct ArrowSchema}
   * @throws IllegalArgumentException if the address is none, or a name has a zero
   */
  public static void field(ArrowField field, long address) {
    SchemaExport.export(field, CStruct.SCHEMA.requireTarget(address));
  }

  /**
   * Exports rows, as a column of structs.
   *
   * @param batch given away: the consumer's last release closes it
   * @param address of a {@code struct ArrowArray}
   * @throws IllegalArgumentException if the address is none, or a buffer is on the Java heap
   * @throws io.tensorbridge.BridgeClosedException if the batch was closed or given away
   */
  public static void batch(Owned<ArrowBatch> batch, long address) {
    ArrowColumn struct = ArrayExport.struct(batch.value());
    export(struct, batch, address);
  }

  /**
   * Exports a column.
   *
   * @param column given away: the consumer's last release closes it
   * @param address of a {@code struct ArrowArray}
   * @throws IllegalArgumentException if the address is none, or a buffer is on the Java heap
   * @throws io.tensorbridge.BridgeClosedException if the column was closed or given away
   */
  public static void column(Owned<ArrowColumn> column, long address) {
    export(column.value(), column, address);
  }

  private static void export(ArrowColumn column, Owned<?> owned, long address) {
    ArrayExport.export(column, owned::give, CStruct.ARRAY.requireTarget(address));
  }

  /**
   * Exports record batches that the consumer pulls.
   *
   * <p>What the stream throws reaches the consumer as an error number ({@code EINVAL} for wrong
   * formats and arguments, {@code ENOMEM}, {@code ECANCELED}, else {@code EIO}) and a message.
   *
   * @param batches given away: the consumer's release closes it; batches live on until theirs
   * @param address of a {@code struct ArrowArrayStream}
   * @throws IllegalArgumentException if the address is none
   */
  public static void stream(BatchStream batches, long address) {
    ExportedStream.publish(
        new PulledBatches(batches), CStruct.STREAM.requireTarget(address));
  }

  /**
   * The exports that are not released: batches, columns, streams and schemas.
   *
   * @return 0 if no consumer has anything; a batch of which some column is held counts as one
   */
  public static int liveCount() {
    return Exports.liveCount();
  }
}
