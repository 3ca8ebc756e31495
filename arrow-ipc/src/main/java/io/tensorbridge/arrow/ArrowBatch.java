package io.tensorbridge.arrow;

import java.util.List;

/**
 * A run of rows.
 *
 * @param rowCount how many
 * @param columns in the order of the schema, each of as many rows
 */
public record ArrowBatch(long rowCount, List<ArrowColumn> columns) {
  /** Copies the list. */
  public ArrowBatch {
    columns = List.copyOf(columns);
  }
}
