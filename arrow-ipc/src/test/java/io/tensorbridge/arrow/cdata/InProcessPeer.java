package io.tensorbridge.arrow.cdata;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BufferKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What {@code pyarrow_in_process.py} calls, in a JVM within the Python process. All arguments are
 * addresses, all results numbers.
 */
final class InProcessPeer {
  private InProcessPeer() {}

  /** Imports a column and exports it again, over the same memory. */
  static long column(long schemaIn, long arrayIn, long schemaOut, long arrayOut) {
    ArrowField field = ArrowImport.field(schemaIn);
    Owned<ArrowColumn> column = ArrowImport.column(field, arrayIn);
    ArrowExport.field(field, schemaOut);
    ArrowExport.column(column, arrayOut);
    return 0;
  }

  /** The same with a batch. */
  static long batch(long schemaIn, long arrayIn, long schemaOut, long arrayOut) {
    ArrowSchema schema = ArrowImport.schema(schemaIn);
    Owned<ArrowBatch> batch = ArrowImport.batch(schema, arrayIn);
    ArrowExport.schema(schema, schemaOut);
    ArrowExport.batch(batch, arrayOut);
    return 0;
  }

  /** Imports a stream, and exports the batches as they are pulled. */
  static long stream(long in, long out) {
    ArrowExport.stream(ArrowImport.stream(in), out);
    return 0;
  }

  /** Reads an int64 column to its end. */
  static long sum(long schemaIn, long arrayIn) {
    ArrowField field = ArrowImport.field(schemaIn);
    try (Owned<ArrowColumn> column = ArrowImport.column(field, arrayIn)) {
      long sum = 0;
      for (long row = 0; row < column.value().length(); row++) {
        sum += column.value().isNull(row) ? 1_000_000 : column.value().integer(row);
      }
      return sum;
    }
  }

  /** The address of the values of a column, so that Python sees that nothing is copied. */
  static long address(long schemaIn, long arrayIn) {
    ArrowField field = ArrowImport.field(schemaIn);
    try (Owned<ArrowColumn> column = ArrowImport.column(field, arrayIn)) {
      return column.value().buffer(BufferKind.VALUES).address();
    }
  }

  /** Exports 0 to 99 from memory of Java. */
  static long numbers(long schemaOut, long arrayOut) {
    ArrowField field = ArrowField.of("n", new ArrowType.Int(64, true), true);
    Arena arena = Arena.ofShared();
    MemorySegment values = arena.allocate(ValueLayout.JAVA_LONG, 100);
    for (int i = 0; i < 100; i++) {
      values.setAtIndex(ValueLayout.JAVA_LONG, i, i);
    }
    ArrowColumn column =
        ArrowColumn.of(field, 100, 0, List.of(MemorySegment.NULL, values), List.of(),
            Optional.empty());
    ArrowExport.field(field, schemaOut);
    ArrowExport.column(Owned.of(column, arena::close), arrayOut);
    return values.address();
  }

  /** Exports a stream whose first batch fails. */
  static long failing(long out) {
    ArrowSchema schema =
        new ArrowSchema(List.of(ArrowField.of("n", new ArrowType.Int(8, true), true)), Map.of());
    ArrowExport.stream(
        new BatchStream() {
          @Override
          public ArrowSchema schema() {
            return schema;
          }

          @Override
          public Optional<Owned<ArrowBatch>> next() {
            throw new IllegalStateException("layer größe is missing");
          }

          @Override
          public void close() {
            // counted by liveExports
          }
        },
        out);
    return 0;
  }

  static long liveExports() {
    return ArrowExport.liveCount();
  }

  static long liveImports() {
    return ArrowImport.liveCount();
  }

  /** Imports what breaks a rule; the number of characters of the refusal. */
  static long refused(long schemaIn, long arrayIn) {
    ArrowField field = ArrowImport.field(schemaIn);
    try (Owned<ArrowColumn> column = ArrowImport.column(field, arrayIn)) {
      return -column.value().length();
    } catch (FormatException expected) {
      return expected.getMessage().length();
    }
  }
}
