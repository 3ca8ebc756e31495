package io.tensorbridge.arrow.flight;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The columns from which {@code DoExchange} takes tensors; immutable.
 *
 * <table>
 *   <caption>Columns; those of further inputs end in {@code _1}, {@code _2}, ...</caption>
 *   <tr><th>name</th><th>type</th><th>if it is missing</th></tr>
 *   <tr><td>{@code name}</td><td>utf8</td><td>the row's number</td></tr>
 *   <tr><td>{@code data}</td><td>lists of numbers, or bytes</td><td>refused</td></tr>
 *   <tr><td>{@code shape}</td><td>list of int64</td><td>as many elements as there are, in one
 *       dimension</td></tr>
 *   <tr><td>{@code dtype}</td><td>utf8</td><td>the type of the list's numbers; bytes need it</td></tr>
 * </table>
 */
final class ExchangeColumns {
  private static final String EXPECTED = "expected are name: utf8, data: list<float> or binary,"
      + " shape: list<int64>, dtype: utf8";

  private final int name;
  private final List<Input> inputs;

  /** Where the columns of one input stand; -1 for those that are missing. */
  private record Input(int data, int shape, int dtype) {}

  private ExchangeColumns(int name, List<Input> inputs) {
    this.name = name;
    this.inputs = inputs;
  }

  /**
   * Finds the columns.
   *
   * @throws io.grpc.StatusRuntimeException {@code INVALID_ARGUMENT} if there are no data, or a column
   *     is of another type
   */
  static ExchangeColumns of(ArrowSchema schema) {
    List<Input> inputs = new ArrayList<>();
    String ending = "";
    while (schema.indexOf("data" + ending) >= 0) {
      Input input = new Input(schema.indexOf("data" + ending), schema.indexOf("shape" + ending),
          schema.indexOf("dtype" + ending));
      require(schema, input.dtype, isText(schema, input.dtype));
      require(schema, input.shape, isShape(schema, input.shape));
      boolean typed = elementType(schema.fields().get(input.data)) != null;
      require(schema, input.data,
          typed || (input.dtype >= 0 && isBytes(schema.fields().get(input.data))));
      inputs.add(input);
      ending = "_" + inputs.size();
    }
    int name = schema.indexOf("name");
    require(schema, name, isText(schema, name));
    if (inputs.isEmpty()) {
      throw FlightErrors.invalid("no column \"data\"; " + EXPECTED + "; found are " + schema);
    }
    return new ExchangeColumns(name, List.copyOf(inputs));
  }

  private static void require(ArrowSchema schema, int column, boolean right) {
    if (column >= 0 && !right) {
      throw FlightErrors.invalid(
          "the column " + schema.fields().get(column) + "; " + EXPECTED + "; found are " + schema);
    }
  }

  private static boolean isText(ArrowSchema schema, int column) {
    if (column < 0 || schema.fields().get(column).dictionaryEncoded()) {
      return false;
    }
    ArrowType type = schema.fields().get(column).type();
    return (type instanceof ArrowType.Bytes bytes && bytes.text())
        || (type instanceof ArrowType.BytesView view && view.text());
  }

  private static boolean isShape(ArrowSchema schema, int column) {
    return column >= 0
        && elementType(schema.fields().get(column)) == DType.I64;
  }

  private static boolean isBytes(ArrowField field) {
    return !field.dictionaryEncoded()
        && (field.type() instanceof ArrowType.Bytes || field.type() instanceof ArrowType.BytesView
            || field.type() instanceof ArrowType.FixedSizeBinary);
  }

  /** The dtype of lists of numbers; null for anything else. */
  private static @Nullable DType elementType(ArrowField field) {
    boolean lists = field.type() instanceof ArrowType.ListOf
        || field.type() instanceof ArrowType.ListView
        || field.type() instanceof ArrowType.FixedSizeList;
    if (!lists || field.dictionaryEncoded() || field.children().getFirst().dictionaryEncoded()) {
      return null;
    }
    ArrowType element = field.children().getFirst().type();
    if (element instanceof ArrowType.Floating(int bits)) {
      return bits == 16 ? DType.F16 : bits == 32 ? DType.F32 : DType.F64;
    }
    return element instanceof ArrowType.Int(int bits, boolean signed)
        ? DType.ofName((signed ? "int" : "uint") + bits)
        : null;
  }

  /** The rows of a batch; a row that holds no tensors tells why. */
  List<ExchangeItem> items(ArrowBatch batch) {
    List<ExchangeItem> items = new ArrayList<>();
    for (long row = 0; row < batch.rowCount(); row++) {
      items.add(item(batch, row));
    }
    return items;
  }

  private ExchangeItem item(ArrowBatch batch, long row) {
    String itemName = Long.toString(row);
    try {
      if (name >= 0 && !batch.columns().get(name).isNull(row)) {
        itemName = batch.columns().get(name).text(row);
      }
      List<Tensor> tensors = new ArrayList<>();
      for (Input input : inputs) {
        tensors.add(tensor(batch, input, row));
      }
      return new ExchangeItem(itemName, tensors, null);
    } catch (TensorException failure) {
      return new ExchangeItem(itemName, List.of(), failure.named(itemName));
    } catch (BridgeException failure) {
      return new ExchangeItem(itemName, List.of(), failure);
    }
  }

  private static Tensor tensor(ArrowBatch batch, Input input, long row) {
    ArrowColumn data = batch.columns().get(input.data);
    if (data.isNull(row)) {
      throw new TensorException(ErrorCode.BAD_SHAPE, "the row's data are null");
    }
    DType stored = elementType(data.field());
    DType dtype = dtype(batch, input.dtype, row, stored);
    MemorySegment bytes = stored == null ? data.bytes(row).bytes() : elements(data, row);
    long count = bytes.byteSize() / dtype.byteSize();
    Shape shape = shape(batch, input.shape, row, count);
    if (shape.elementCount() * dtype.byteSize() != bytes.byteSize()) {
      throw new TensorException(ErrorCode.BAD_SHAPE,
          "the shape " + shape + " of " + dtype.numpyName()
              + " doesn't fit " + bytes.byteSize() + " bytes");
    }
    return Tensor.of(
        bytes, TensorLayout.rowMajor(new TensorType(dtype, shape)), Backing.PRIVATE);
  }

  private static DType dtype(ArrowBatch batch, int column, long row, @Nullable DType stored) {
    if (column >= 0 && !batch.columns().get(column).isNull(row)) {
      return DType.ofName(batch.columns().get(column).text(row));
    }
    if (stored == null) {
      throw new TensorException(ErrorCode.UNSUPPORTED_DTYPE, "bytes without a dtype");
    }
    return stored;
  }

  private static MemorySegment elements(ArrowColumn data, long row) {
    ArrowColumn.Extent extent = data.extent(row);
    ArrowColumn values = data.children().getFirst();
    long missing = values.firstNull(extent);
    if (missing >= 0) {
      throw new TensorException(ErrorCode.BAD_SHAPE, "element " + (missing - extent.begin())
          + " is null; fill or drop nulls first");
    }
    return values.numbers(extent).bytes();
  }

  private static Shape shape(ArrowBatch batch, int column, long row, long count) {
    if (column < 0 || batch.columns().get(column).isNull(row)) {
      return Shape.of(count);
    }
    ArrowColumn shapes = batch.columns().get(column);
    ArrowColumn.Extent extent = shapes.extent(row);
    if (extent.length() > Shape.MAX_RANK) {
      throw new FormatException("a shape of " + extent.length() + " dimensions");
    }
    long[] dimensions = new long[(int) extent.length()];
    for (int i = 0; i < dimensions.length; i++) {
      dimensions[i] = shapes.children().getFirst().integer(extent.begin() + i);
    }
    return Shape.of(dimensions);
  }
}
