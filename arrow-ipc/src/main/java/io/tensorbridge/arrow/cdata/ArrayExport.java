package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Writes columns into structs that lead to their memory. */
final class ArrayExport {
  /** What empty buffers lead to: consumers may read an offset there. */
  private static final int ZEROS = 64;

  private int count;
  private long byteSize = ZEROS;

  private ArrayExport() {}

  /** A batch as the column of structs that the interface wants. */
  static ArrowColumn struct(ArrowBatch batch) {
    ArrowField[] fields =
        batch.columns().stream().map(ArrowColumn::field).toArray(ArrowField[]::new);
    return ArrowColumn.of(
        ArrowField.of("", new ArrowType.Struct(), false, fields),
        batch.rowCount(),
        0,
        List.of(MemorySegment.NULL),
        batch.columns(),
        Optional.empty());
  }

  /**
   * Exports a column.
   *
   * @param giveOwner asked last for what ends the memory
   * @throws IllegalArgumentException if a buffer is on the Java heap; nothing is exported
   */
  static void export(ArrowColumn column, Supplier<Runnable> giveOwner, long target) {
    ArrayExport export = new ArrayExport();
    export.measure(column);
    TreeBlock block = new TreeBlock(StructKind.ARRAY, export.count, export.byteSize);
    try {
      write(column, block, block.reserve(ZEROS));
      block.publish(giveOwner, target);
    } catch (RuntimeException | Error failure) {
      block.abort();
      throw failure;
    }
  }

  private void measure(ArrowColumn column) {
    int buffers = column.layout().buffers().size();
    if (column.layout().variadic()) {
      int further = column.buffers().size() - buffers;
      buffers += 2 * further + 1; // further addresses and lengths, and the address of these
    }
    count++;
    byteSize += ((long) buffers + column.children().size()) * Long.BYTES;
    for (ArrowColumn child : column.children()) {
      measure(child);
    }
    if (column.dictionary().isPresent()) {
      measure(column.dictionary().get());
    }
  }

  private static long write(ArrowColumn column, TreeBlock block, long zeros) {
    int number = block.begin();
    long struct = block.struct(number);
    Memory.setWord(struct + StructKind.LENGTH, column.length());
    Memory.setWord(struct + StructKind.NULL_COUNT, column.nullCount());
    writeBuffers(column, struct, block, zeros);
    List<ArrowColumn> children = column.children();
    Memory.setWord(struct + StructKind.CHILD_COUNT, children.size());
    if (!children.isEmpty()) {
      long addresses = block.reserve((long) children.size() * Long.BYTES);
      Memory.setWord(struct + StructKind.ARRAY.children(), addresses);
      for (int i = 0; i < children.size(); i++) {
        Memory.setWord(
            addresses + (long) i * Long.BYTES, write(children.get(i), block, zeros));
      }
    }
    if (column.dictionary().isPresent()) {
      Memory.setWord(
          struct + StructKind.ARRAY.dictionary(),
          write(column.dictionary().get(), block, zeros));
    }
    block.end(number);
    return struct;
  }

  private static void writeBuffers(
      ArrowColumn column, long struct, TreeBlock block, long zeros) {
    List<MemorySegment> buffers = column.buffers();
    int fixed = column.layout().buffers().size();
    int count = buffers.size() + (column.layout().variadic() ? 1 : 0);
    Memory.setWord(struct + StructKind.BUFFER_COUNT, count);
    if (count == 0) {
      return;
    }
    long addresses = block.reserve((long) count * Long.BYTES);
    Memory.setWord(struct + StructKind.BUFFERS, addresses);
    for (int i = 0; i < buffers.size(); i++) {
      boolean validity = i == 0 && column.layout().hasValidity();
      Memory.setWord(
          addresses + (long) i * Long.BYTES,
          address(column, buffers.get(i), validity ? 0 : zeros));
    }
    if (column.layout().variadic()) {
      long lengths = block.reserve((long) (buffers.size() - fixed) * Long.BYTES);
      for (int i = fixed; i < buffers.size(); i++) {
        Memory.setWord(lengths + (long) (i - fixed) * Long.BYTES, buffers.get(i).byteSize());
      }
      Memory.setWord(
          addresses + (long) buffers.size() * Long.BYTES,
          buffers.size() == fixed ? zeros : lengths);
    }
  }

  private static long address(ArrowColumn column, MemorySegment buffer, long ifEmpty) {
    if (buffer.byteSize() == 0) {
      return ifEmpty;
    }
    if (!buffer.isNative()) {
      throw new IllegalArgumentException("a buffer of " + column.field() + " is on the Java heap,"
          + " where C can't read; copy it to native memory first");
    }
    return buffer.address();
  }
}
