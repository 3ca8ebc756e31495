package io.tensorbridge.arrow.table;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowColumn.Extent;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.tensor.TensorColumns;
import io.tensorbridge.file.TensorEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Reads the table of weights: plain floats. */
final class WeightsReader {
  static final String EXPECTED =
      "layer_name: utf8, weights: list<float | double | halffloat>, shape: list<int64> (optional)";
  static final String COLUMNS = "the columns of a table of weights";
  static final String VALUES = "weights without nulls";

  private final ArrowFile file;
  private final LayerColumns columns;

  WeightsReader(ArrowFile file) {
    this.file = file;
    this.columns = new LayerColumns(file, COLUMNS, EXPECTED);
  }

  /**
   * All rows of all batches.
   *
   * @throws FormatException with the rule that is broken
   */
  List<StoredTensor> read() {
    int name = columns.require("layer_name", LayerColumns::isText);
    int weights = columns.require(LayerTableReader.WEIGHTS_COLUMN,
        field -> LayerColumns.isListOf(field, WeightsReader::isFloating));
    int shape = columns.find("shape", LayerColumns::isIntList);
    DType dtype = dtype(file.schema().fields().get(weights).children().getFirst());
    List<StoredTensor> tensors = new ArrayList<>();
    for (ArrowBatch batch : file.batches()) {
      ArrowColumn names = batch.columns().get(name);
      ArrowColumn values = batch.columns().get(weights);
      ArrowColumn shapes = LayerColumns.in(batch, shape);
      for (long row = 0; row < batch.rowCount(); row++) {
        tensors.add(tensor(columns.name(names, row), dtype, values, shapes, row));
      }
    }
    return tensors;
  }

  /** That of a tensor in a column of tensors; else the run of a list. */
  private Shape ownShape(ArrowColumn weights, long row, Extent extent, String name) {
    if (!weights.field().extensionName().orElse("").equals(TensorColumns.FIXED_SHAPE)) {
      return Shape.of(extent.length());
    }
    Tensor tensor = tensorOf(weights, row, name);
    if (!tensor.isRowMajor()) {
      throw columns.wrongShape(name, tensor.shape() + " whose dimensions are permuted; write it"
          + " without a permutation");
    }
    return tensor.shape();
  }

  /** Says in which file and where the parameters of the extension type are wrong. */
  private Tensor tensorOf(ArrowColumn weights, long row, String name) {
    try {
      return TensorColumns.row(weights, row).tensor();
    } catch (FormatException malformed) {
      throw malformed.byteOffset() >= 0
          ? malformed
          : columns.broken(malformed.rule(), name, ": " + malformed.getMessage());
    } catch (TensorException unfit) {
      throw columns.wrongShape(name, ": " + unfit.getMessage());
    }
  }

  private static boolean isFloating(ArrowField field) {
    return field.type() instanceof ArrowType.Floating;
  }

  private static DType dtype(ArrowField values) {
    if (!(values.type() instanceof ArrowType.Floating(int bits))) {
      throw new IllegalStateException(values + " are no floats");
    }
    return switch (bits) {
      case 16 -> DType.F16;
      case 32 -> DType.F32;
      default -> DType.F64;
    };
  }

  private StoredTensor tensor(
      String name, DType dtype, ArrowColumn weights, @Nullable ArrowColumn shapes, long row) {
    if (weights.isNull(row)) {
      throw columns.broken(VALUES, name, "has no weights; leave the row out");
    }
    Extent extent = weights.extent(row);
    ArrowColumn values = weights.children().getFirst();
    long firstNull = values.firstNull(extent);
    if (firstNull >= 0) {
      throw columns.broken(VALUES, name, "has a null at index " + (firstNull - extent.begin())
          + "; fill nulls before, for example with pyarrow.compute.fill_null");
    }
    Shape shape =
        LayerColumns.has(shapes, row)
            ? columns.shape(Objects.requireNonNull(shapes), row, name)
            : ownShape(weights, row, extent, name);
    if (shape.elementCount() != extent.length()) {
      throw columns.wrongShape(name, shape + " and " + extent.length() + " weights");
    }
    return new StoredTensor(
        TensorEntry.of(name, new TensorType(dtype, shape)), values.numbers(extent).bytes());
  }
}
