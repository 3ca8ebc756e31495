package io.tensorbridge.arrow.table;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowFile;
import java.util.List;

/** Reads a table of weights, of quantized layers, or of the modules of a LoRA adapter. */
final class LayerTableReader {
  static final String WEIGHTS_COLUMN = "weights";
  static final String DATA_COLUMN = "quantized_data";
  static final String COLUMNS = "the columns of a table of layers";

  private LayerTableReader() {}

  /**
   * The tensors of a table.
   *
   * @throws FormatException with the rule that is broken
   */
  static List<StoredTensor> read(ArrowFile file) {
    if (file.schema().indexOf(WEIGHTS_COLUMN) >= 0) {
      return new WeightsReader(file).read();
    }
    if (file.schema().indexOf(DATA_COLUMN) >= 0) {
      return new QuantizedReader(file).read();
    }
    if (file.schema().indexOf(LoraTableReader.DOWN_COLUMN) >= 0) {
      return new LoraTableReader(file).read();
    }
    throw file.source().broken(0, COLUMNS, "it is no table of layers; expected are "
        + WeightsReader.EXPECTED + ", or " + QuantizedReader.EXPECTED + ", the file has "
        + file.schema());
  }
}
