package io.tensorbridge.arrow;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What a file holds, as its metadata tell; no value is read or decompressed for it.
 *
 * @param rowCount all rows
 * @param batchCount the record batches they are in
 * @param columns in the order of the schema
 */
public record ArrowStatistics(long rowCount, int batchCount, List<Column> columns) {
  /** Copies the list. */
  public ArrowStatistics {
    columns = List.copyOf(columns);
  }

  /**
   * A column in all batches.
   *
   * @param field name and type
   * @param nullCount the rows that are null
   * @param storedBytes what the buffers take in the file, those of children counted, without padding
   * @param byteLength what they take when they are decompressed
   * @param dictionaryBytes what the last dictionary takes, decompressed
   * @param compressions how buffers are compressed; empty if none is
   */
  public record Column(
      ArrowField field,
      long nullCount,
      long storedBytes,
      long byteLength,
      long dictionaryBytes,
      Set<ArrowCompression> compressions) {
    /** Copies the set. */
    public Column {
      compressions = Set.copyOf(compressions);
    }
  }

  static ArrowStatistics of(ArrowSchema schema, List<ArrowBatch> batches) {
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < schema.fields().size(); i++) {
      Sum sum = new Sum();
      long nulls = 0;
      long dictionaryBytes = 0;
      for (ArrowBatch batch : batches) {
        ArrowColumn column = batch.columns().get(i);
        sum.add(column);
        nulls += column.nullCount();
        dictionaryBytes = dictionaryBytes(column);
      }
      columns.add(new Column(schema.fields().get(i), nulls, sum.stored, sum.bytes, dictionaryBytes,
          sum.compressions));
    }
    long rows = batches.stream().mapToLong(ArrowBatch::rowCount).sum();
    return new ArrowStatistics(rows, batches.size(), columns);
  }

  /** The buffers of columns and their children. */
  private static final class Sum {
    private long stored;
    private long bytes;
    private final Set<ArrowCompression> compressions = EnumSet.noneOf(ArrowCompression.class);

    void add(ArrowColumn column) {
      for (int i = 0; i < column.bufferCount(); i++) {
        ColumnBuffer buffer = column.buffer(i);
        stored += buffer.storedBytes();
        bytes += buffer.size();
        buffer.compression().ifPresent(compressions::add);
      }
      column.children().forEach(this::add);
    }
  }

  private static long dictionaryBytes(ArrowColumn column) {
    Sum sum = new Sum();
    column.dictionary().ifPresent(sum::add);
    long nested = column.children().stream().mapToLong(ArrowStatistics::dictionaryBytes).sum();
    return sum.bytes + nested
        + column.dictionary().map(ArrowStatistics::dictionaryBytes).orElse(0L);
  }
}
