package io.tensorbridge.arrow.table;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.file.TensorEntry;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the table of a LoRA adapter ({@code *.lora.arrow}): a row for each module, listed as the two
 * tensors that PEFT has for it, {@code MODULE.lora_A.weight} and {@code MODULE.lora_B.weight}. Alpha
 * and rank are metadata of the schema, {@code lora_alpha} and {@code lora_rank}.
 */
final class LoraTableReader {
  static final String DOWN_COLUMN = "weight_a";
  static final String EXPECTED =
      "module: utf8, weight_a: binary, weight_b: binary, shape_a: list<int32>, shape_b:"
          + " list<int32>, dtype: utf8";
  static final String COLUMNS = "the columns of a table of LoRA modules";
  static final String FACTORS = "two factors of floats in each row";

  private final ArrowFile file;
  private final LayerColumns columns;

  LoraTableReader(ArrowFile file) {
    this.file = file;
    this.columns = new LayerColumns(file, COLUMNS, EXPECTED);
  }

  /**
   * All rows of all batches.
   *
   * @throws FormatException with the rule that is broken
   */
  List<StoredTensor> read() {
    int module = columns.require("module", LayerColumns::isText);
    int[] weights = {
        columns.require(DOWN_COLUMN, LayerColumns::isBinary),
        columns.require("weight_b", LayerColumns::isBinary)};
    int[] shapes = {
        columns.require("shape_a", LayerColumns::isIntList),
        columns.require("shape_b", LayerColumns::isIntList)};
    int dtype = columns.require("dtype", LayerColumns::isText);
    List<StoredTensor> tensors = new ArrayList<>();
    for (ArrowBatch batch : file.batches()) {
      for (long row = 0; row < batch.rowCount(); row++) {
        String name = columns.name(batch.columns().get(module), row);
        DType type = dtype(batch.columns().get(dtype), row, name);
        for (int half = 0; half < 2; half++) {
          ArrowColumn values = batch.columns().get(weights[half]);
          ArrowColumn extents = batch.columns().get(shapes[half]);
          String part = half == 0 ? LoraTablePlan.DOWN : LoraTablePlan.UP;
          tensors.add(factor(name, name + part, type, values, extents, row));
        }
      }
    }
    return tensors;
  }

  /** Of NumPy's name, also as torch writes it. */
  private DType dtype(ArrowColumn column, long row, String module) {
    if (column.isNull(row)) {
      throw columns.broken(FACTORS, module, "has no dtype");
    }
    String name = columns.text(column, row);
    try {
      return DType.ofName(name.startsWith("torch.") ? name.substring("torch.".length()) : name);
    } catch (OptionException unknown) {
      throw columns.broken(FACTORS, module, "has the dtype \"" + name + "\"");
    }
  }

  private StoredTensor factor(
      String module, String name, DType dtype, ArrowColumn values, ArrowColumn shapes, long row) {
    if (values.isNull(row) || shapes.isNull(row)) {
      throw columns.broken(FACTORS, module, "lacks what makes " + name);
    }
    Shape shape = columns.shape(shapes, row, module);
    TensorType type = type(module, dtype, shape);
    MemorySegment bytes = values.bytes(row).bytes();
    if (bytes.byteSize() != type.byteLength()) {
      throw columns.wrongShape(
          module, shape + " of " + dtype.numpyName() + " for " + bytes.byteSize() + " bytes");
    }
    return new StoredTensor(TensorEntry.of(name, type), bytes);
  }

  private TensorType type(String module, DType dtype, Shape shape) {
    if (shape.elementCount() > Long.MAX_VALUE / Long.BYTES) {
      throw columns.wrongShape(module, shape + ", which no file holds");
    }
    return new TensorType(dtype, shape);
  }
}
