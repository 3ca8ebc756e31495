package io.tensorbridge.arrow.tensor;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowColumn.Extent;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BufferKind;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Columns as tensors, and tensors as columns, without a copy.
 *
 * <table>
 *   <caption>Columns of n rows without nulls</caption>
 *   <tr><th>type</th><th>shape</th></tr>
 *   <tr><td>whole numbers, floats, and the dtypes of extension types</td><td>[n]</td></tr>
 *   <tr><td>fixed_size_list, also of such lists</td><td>[n, size, ...]</td></tr>
 *   <tr><td>list, large_list, list_view of rows of one length without gaps</td>
 *       <td>[n, length, ...]</td></tr>
 *   <tr><td>arrow.fixed_shape_tensor</td><td>[n, shape...], permuted</td></tr>
 *   <tr><td>arrow.variable_shape_tensor</td><td>one tensor for each row: {@link #row}</td></tr>
 * </table>
 */
public final class TensorColumns {
  /** The name of the extension type of tensors of one shape. */
  public static final String FIXED_SHAPE = "arrow.fixed_shape_tensor";

  /** The name of the extension type of tensors of one rank. */
  public static final String VARIABLE_SHAPE = "arrow.variable_shape_tensor";

  private TensorColumns() {}

  /**
   * A tensor with names.
   *
   * @param tensor in place
   * @param dimensionNames of the dimensions behind the first, which counts the rows; of all of a
   *     single row; empty if there are none
   */
  public record Named(Tensor tensor, List<String> dimensionNames) {
    /** Copies the list. */
    public Named {
      dimensionNames = List.copyOf(dimensionNames);
    }
  }

  /**
   * The dtype of a field's elements.
   *
   * @param field of numbers, or of an extension type for one dtype
   * @return the dtype, if each value is one element
   */
  public static Optional<DType> dtype(ArrowField field) {
    return ElementType.of(field);
  }

  /**
   * A whole column.
   *
   * @param column of a type in the table above
   * @return a tensor in place, valid as long as the column
   * @throws TensorException with the remedy, if the values don't lie as a tensor's elements do
   * @throws FormatException if the parameters of the extension type are malformed
   */
  public static Tensor of(ArrowColumn column) {
    return named(column).tensor();
  }

  /**
   * A whole column with the names of its dimensions.
   *
   * @param column of a type in the table above
   * @return a tensor in place, valid as long as the column
   * @throws TensorException with the remedy, if the values don't lie as a tensor's elements do
   * @throws FormatException if the parameters of the extension type are malformed
   */
  public static Named named(ArrowColumn column) {
    return rows(column, new Extent(0, column.length()), true);
  }

  /**
   * One row, as a tensor of the shape that the row has.
   *
   * @param column of lists or tensors
   * @param row its index
   * @return a tensor in place, valid as long as the column
   * @throws TensorException with the remedy, if the values don't lie as a tensor's elements do
   * @throws FormatException if the parameters of the extension type, or the row's shape, are
   *     malformed
   */
  public static Named row(ArrowColumn column, long row) {
    if (column.field().extensionName().orElse("").equals(VARIABLE_SHAPE)) {
      return variable(column, row);
    }
    return rows(column, new Extent(row, row + 1), false);
  }

  private static Named rows(ArrowColumn column, Extent rows, boolean counted) {
    Run run = Run.of(column, rows);
    List<Long> shape = new ArrayList<>(run.shape());
    List<String> names = List.of();
    List<Integer> order = List.of();
    if (column.field().extensionName().orElse("").equals(FIXED_SHAPE)) {
      TensorParameters parameters = parameters(column.field());
      List<Long> cell = parameters.shape().orElse(List.of());
      requireCell(column.field(), cell, shape);
      shape = new ArrayList<>(cell);
      shape.addFirst(rows.length());
      names = parameters.namesInOrder();
      order = parameters.permutation();
    }
    Tensor tensor = tensor(run, shape);
    if (!order.isEmpty()) {
      int[] axes = new int[order.size() + 1];
      for (int i = 1; i < axes.length; i++) {
        axes[i] = order.get(i - 1) + 1;
      }
      tensor = tensor.permute(axes);
    }
    return new Named(counted ? tensor : withoutFirst(tensor), names);
  }

  private static TensorParameters parameters(ArrowField field) {
    String text = field.metadata().getOrDefault(ArrowField.EXTENSION_METADATA, "");
    return TensorParameters.parse(text, field.name());
  }

  private static void requireCell(ArrowField field, List<Long> cell, List<Long> stored) {
    long elements = 1;
    try {
      for (long extent : cell) {
        elements = Math.multiplyExact(elements, extent);
      }
    } catch (ArithmeticException tooMany) {
      elements = -1;
    }
    if (stored.size() != 2 || cell.stream().anyMatch(extent -> extent < 0)
        || elements != stored.get(1)) {
      throw new FormatException(
          "the field \"" + field.name() + "\" has tensors of the shape " + cell
              + " in " + field.typeText() + "; " + TensorParameters.RULE,
          -1, TensorParameters.RULE);
    }
  }

  private static Tensor tensor(Run run, List<Long> shape) {
    Shape extents = Shape.of(shape.stream().mapToLong(extent -> extent).toArray());
    TensorLayout layout = TensorLayout.rowMajor(new TensorType(run.dtype(), extents));
    return Tensor.of(run.bytes().bytes(), layout, run.values().backing());
  }

  private static Tensor withoutFirst(Tensor tensor) {
    int rank = tensor.shape().rank() - 1;
    long[] extents = new long[rank];
    long[] strides = new long[rank];
    for (int i = 0; i < rank; i++) {
      extents[i] = tensor.shape().dimension(i + 1);
      strides[i] = tensor.layout().byteStride(i + 1);
    }
    TensorType type = new TensorType(tensor.dtype(), Shape.of(extents));
    TensorLayout layout =
        TensorLayout.strided(type, tensor.layout().byteOffset(), strides);
    return Tensor.of(tensor.segment(), layout, tensor.backing());
  }

  /** A struct of data, a list, and shape, a fixed_size_list of int32. */
  private static Named variable(ArrowColumn column, long row) {
    TensorParameters parameters = parameters(column.field());
    ArrowColumn data = child(column, "data");
    ArrowColumn shapes = child(column, "shape");
    if (column.isNull(row) || data.isNull(row) || shapes.isNull(row)) {
      throw wrong(column.field(), "row " + row + " is null");
    }
    ArrowColumn extents = shapes.children().getFirst();
    if (!(extents.field().storageType() instanceof ArrowType.Int)
        || extents.field().dictionaryEncoded()) {
      throw wrong(column.field(), "its shapes are no whole numbers");
    }
    Extent place = shapes.extent(row);
    long[] shape = new long[(int) Math.min(place.length(), Shape.MAX_RANK + 1L)];
    Arrays.setAll(shape, i -> extents.integer(place.begin() + i));
    Run run = Run.of(data.children().getFirst(), data.extent(row));
    Tensor tensor;
    try {
      Shape stored = Shape.of(shape);
      if (stored.elementCount() != run.elements()) {
        throw wrong(column.field(), "row " + row + " of the shape " + stored + " has "
            + run.elements() + " elements");
      }
      parameters.requireUniform(stored, column.field(), row);
      TensorLayout layout = TensorLayout.rowMajor(new TensorType(run.dtype(), stored));
      tensor = Tensor.of(run.bytes().bytes(), layout, run.values().backing());
    } catch (ProtocolException impossible) {
      throw wrong(column.field(), "row " + row + ": " + impossible.getMessage());
    }
    List<Integer> order = parameters.permutation();
    if (!order.isEmpty() && order.size() == shape.length) {
      tensor = tensor.permute(order.stream().mapToInt(axis -> axis).toArray());
    }
    return new Named(tensor, parameters.namesInOrder());
  }

  private static ArrowColumn child(ArrowColumn struct, String name) {
    for (ArrowColumn child : struct.children()) {
      if (child.field().name().equals(name) && child.children().size() == 1) {
        return child;
      }
    }
    throw wrong(struct.field(), "it has no lists \"" + name + '"');
  }

  static TensorException wrong(ArrowField field, String reason) {
    return new TensorException(
        ErrorCode.UNSUPPORTED_DTYPE, field.name(), -1, reason + " (" + field.typeText() + ")",
        null);
  }

  /**
   * A field of elements of a dtype.
   *
   * @param name of the field
   * @param dtype any; what Arrow has no type for becomes an extension type
   * @return the field, not nullable
   */
  public static ArrowField field(String name, DType dtype) {
    return ElementType.field(name, dtype);
  }

  /**
   * A field of tensors of one shape, {@code arrow.fixed_shape_tensor}.
   *
   * @param name of the field
   * @param dtype of the elements
   * @param cell the shape of each, as it is stored
   * @param dimensionNames of the stored dimensions, or none
   * @param permutation the stored dimension for each of the tensor's, or none
   * @return the field, not nullable
   * @throws FormatException if names or permutation don't fit the shape
   */
  public static ArrowField fixedShape(
      String name,
      DType dtype,
      Shape cell,
      List<String> dimensionNames,
      List<Integer> permutation) {
    List<Long> extents = Arrays.stream(cell.dimensions()).boxed().toList();
    String json =
        new TensorParameters(Optional.of(extents), dimensionNames, permutation, List.of()).toJson();
    TensorParameters.parse(json, name);
    ArrowType storage = new ArrowType.FixedSizeList(Math.toIntExact(cell.elementCount()));
    return ArrowField.of(name, storage, false, ElementType.field("item", dtype))
        .withMetadata(ElementType.metadata(FIXED_SHAPE, json));
  }

  /**
   * A field of tensors of one rank, {@code arrow.variable_shape_tensor}.
   *
   * @param name of the field
   * @param dtype of the elements
   * @param rank of each tensor
   * @param dimensionNames of the stored dimensions, or none
   * @param permutation the stored dimension for each of the tensor's, or none
   * @param uniformShape the stored dimensions that all tensors share, those empty that they don't; or
   *     none
   * @return the field, not nullable
   * @throws FormatException if names, permutation or uniform shape don't fit the rank
   */
  public static ArrowField variableShape(
      String name,
      DType dtype,
      int rank,
      List<String> dimensionNames,
      List<Integer> permutation,
      List<OptionalLong> uniformShape) {
    TensorParameters parameters =
        new TensorParameters(Optional.empty(), dimensionNames, permutation, uniformShape);
    String json = parameters.toJson();
    TensorParameters.parse(json, name);
    for (List<?> list : List.of(dimensionNames, permutation, uniformShape)) {
      if (!list.isEmpty() && list.size() != rank) {
        throw new FormatException("the field \"" + name + "\" of tensors of rank " + rank
            + " has the parameters " + json + "; " + TensorParameters.RULE,
            -1, TensorParameters.RULE);
      }
    }
    ArrowField data = ArrowField.of("data", new ArrowType.ListOf(false), false,
        ElementType.field("item", dtype));
    ArrowField shape = ArrowField.of("shape", new ArrowType.FixedSizeList(rank), false,
        ArrowField.of("item", new ArrowType.Int(Integer.SIZE, true), false));
    return ArrowField.of(name, new ArrowType.Struct(), false, data, shape)
        .withMetadata(ElementType.metadata(VARIABLE_SHAPE, json));
  }

  /**
   * Tensors as a column of {@code arrow.variable_shape_tensor}; {@link #row} gives them back.
   *
   * @param field of {@link #variableShape}
   * @param rows of its dtype and rank, of any strides
   * @param arena of the column: the elements are copied one behind the other
   * @return the column
   * @throws TensorException if a tensor is of another dtype or rank, or has another size where all
   *     share one
   * @throws IllegalArgumentException if the field is another one
   */
  public static ArrowColumn column(ArrowField field, List<Tensor> rows, Arena arena) {
    if (!field.extensionName().orElse("").equals(VARIABLE_SHAPE) || field.children().size() != 2
        || !(field.children().getFirst().type() instanceof ArrowType.ListOf)
        || !(field.children().getLast().type() instanceof ArrowType.FixedSizeList(int rank))) {
      throw new IllegalArgumentException(field + " is no field of variableShape");
    }
    return new VariableShapes(field, parameters(field), rank, arena).column(rows);
  }

  /**
   * A tensor as a column in place: of rank 1 as numbers, else as {@code arrow.fixed_shape_tensor}
   * along the first dimension.
   *
   * @param name of the field
   * @param tensor row-major, of rank 1 or more; kept as long as the column is used
   * @return the column
   * @throws TensorException if the tensor is not row-major, or a scalar
   */
  public static ArrowColumn column(String name, Tensor tensor) {
    if (tensor.shape().rank() == 0 || !tensor.isRowMajor()) {
      throw new TensorException(ErrorCode.BAD_SHAPE, name, -1,
          tensor.layout() + " is no column; copy it into row-major order", null);
    }
    long rows = tensor.shape().dimension(0);
    long[] cell = Arrays.copyOfRange(tensor.shape().dimensions(), 1, tensor.shape().rank());
    ArrowField field = cell.length == 0
        ? field(name, tensor.dtype())
        : fixedShape(name, tensor.dtype(), Shape.of(cell), List.of(), List.of());
    ArrowField elements = cell.length == 0 ? field : field.children().getFirst();
    List<MemorySegment> buffers = List.of(MemorySegment.NULL, tensor.data());
    ArrowColumn values = ArrowColumn.of(elements, tensor.shape().elementCount(), 0, buffers,
        List.of(), Optional.empty());
    return cell.length == 0
        ? values
        : ArrowColumn.of(
            field, rows, 0, List.of(MemorySegment.NULL), List.of(values), Optional.empty());
  }

  /**
   * Values that lie one behind the other.
   *
   * @param values the column of the elements
   * @param dtype of the elements
   * @param shape rows, then the lengths of lists in lists
   * @param bytes of all elements
   */
  private record Run(ArrowColumn values, DType dtype, List<Long> shape, ByteSource bytes) {
    static Run of(ArrowColumn column, Extent rows) {
      ArrowField field = column.field();
      long firstNull = column.firstNull(rows);
      if (firstNull >= 0) {
        throw wrong(field, "row " + firstNull + " is null; fill nulls before, for example with"
            + " pyarrow.compute.fill_null");
      }
      Optional<DType> dtype = ElementType.of(field);
      if (dtype.isPresent()) {
        return new Run(column, dtype.get(), List.of(rows.length()), column.numbers(rows));
      }
      boolean lists = field.storageType() instanceof ArrowType.FixedSizeList
          || field.storageType() instanceof ArrowType.ListOf
          || field.storageType() instanceof ArrowType.ListView;
      if (!lists) {
        throw wrong(field, "its values are no elements of a tensor");
      }
      Extent within = within(column, rows);
      Run inner = of(column.children().getFirst(), within);
      List<Long> shape = new ArrayList<>(inner.shape);
      long each = rows.length() == 0 ? fixedSize(field) : within.length() / rows.length();
      shape.set(0, each);
      shape.addFirst(rows.length());
      return new Run(inner.values, inner.dtype, shape, inner.bytes);
    }

    private static long fixedSize(ArrowField field) {
      return field.storageType() instanceof ArrowType.FixedSizeList(int size) ? size : 0;
    }

    /** The run of the child that rows take, if they are of one length and without gaps. */
    private static Extent within(ArrowColumn column, Extent rows) {
      if (rows.length() == 0) {
        return new Extent(0, 0);
      }
      Extent first = column.extent(rows.begin());
      if (column.layout().indexOf(BufferKind.OFFSETS) < 0
          && column.layout().indexOf(BufferKind.SIZES) < 0) {
        return new Extent(first.begin(), column.extent(rows.end() - 1).end());
      }
      long end = first.end();
      for (long row = rows.begin() + 1; row < rows.end(); row++) {
        Extent extent = column.extent(row);
        if (extent.begin() != end || extent.length() != first.length()) {
          throw wrong(column.field(), "row " + row + " has " + extent.length() + " values at "
              + extent.begin() + " where " + first.length() + " at " + end
              + " would be in line; take the rows one by one");
        }
        end = extent.end();
      }
      return new Extent(first.begin(), end);
    }

    long elements() {
      return shape.stream().reduce(1L, (left, right) -> left * right);
    }
  }
}
