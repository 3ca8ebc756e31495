package io.tensorbridge.arrow;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A run of rows.
 *
 * @param rowCount how many
 * @param columns in the order of the schema, each of as many rows
 * @param metadata text of the message, in its order
 */
public record ArrowBatch(long rowCount, List<ArrowColumn> columns, Map<String, String> metadata) {
  /** Copies the lists. */
  public ArrowBatch {
    columns = List.copyOf(columns);
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
  }

  /**
   * Rows without metadata.
   *
   * @param rowCount how many
   * @param columns in the order of the schema, each of as many rows
   */
  public ArrowBatch(long rowCount, List<ArrowColumn> columns) {
    this(rowCount, columns, Map.of());
  }
}
