package io.tensorbridge.arrow.table;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowColumn.Extent;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.shm.file.ByteSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Reads the table of quantized layers. */
final class QuantizedReader {
  static final String EXPECTED =
      "layer_name: utf8, quantized_data: binary, scales: list<float>, zero_points: list<float>,"
          + " shape: list<int64>, bit_width: uint8, scheme: utf8 (where it isn't uniform)";
  static final String COLUMNS = "the columns of a table of quantized layers";
  static final String VALUES = "quantized layers without nulls";
  static final String BIT_WIDTH = "a bit_width of 2, 4 or 8 where the scheme is uniform";
  static final String SCALES = "as many scales as a variant of uniform has";
  static final String BYTES = "as many bytes as dtype and shape need";
  static final String DTYPE = "parts of known dtypes";

  private final ArrowFile file;
  private final LayerColumns columns;
  private final List<StoredTensor> tensors = new ArrayList<>();

  QuantizedReader(ArrowFile file) {
    this.file = file;
    this.columns = new LayerColumns(file, COLUMNS, EXPECTED);
  }

  /** The columns of one batch; those that may be missing are null. */
  private record Columns(
      ArrowColumn name,
      ArrowColumn data,
      ArrowColumn shape,
      @Nullable ArrowColumn scales,
      @Nullable ArrowColumn zeroPoints,
      @Nullable ArrowColumn bitWidth,
      @Nullable ArrowColumn scheme,
      @Nullable ArrowColumn parts) {}

  /** A row of the column {@code parts}; no data if another column has them. */
  private record Part(String name, DType dtype, Shape shape, @Nullable ByteSource data) {}

  /**
   * All rows of all batches.
   *
   * @throws FormatException with the rule that is broken
   */
  List<StoredTensor> read() {
    int name = columns.require("layer_name", LayerColumns::isText);
    int data = columns.require(LayerTableReader.DATA_COLUMN, LayerColumns::isBinary);
    int shape = columns.require("shape", LayerColumns::isIntList);
    int scales = columns.find(Layer.SCALES, QuantizedReader::isFloatList);
    int zeroPoints = columns.find(Layer.ZERO_POINTS, QuantizedReader::isFloatList);
    int bitWidth = columns.find("bit_width", LayerColumns::isInt);
    int scheme = columns.find("scheme", LayerColumns::isText);
    int parts = columns.find("parts", PartColumns::isPartList);
    for (ArrowBatch batch : file.batches()) {
      Columns found =
          new Columns(
              batch.columns().get(name),
              batch.columns().get(data),
              batch.columns().get(shape),
              LayerColumns.in(batch, scales),
              LayerColumns.in(batch, zeroPoints),
              LayerColumns.in(batch, bitWidth),
              LayerColumns.in(batch, scheme),
              LayerColumns.in(batch, parts));
      for (long row = 0; row < batch.rowCount(); row++) {
        addLayer(found, row);
      }
    }
    return tensors;
  }

  private static boolean isFloatList(ArrowField field) {
    return LayerColumns.isListOf(
        field, value -> value.type() instanceof ArrowType.Floating(int bits) && bits == 32);
  }

  private void addLayer(Columns batch, long row) {
    String name = columns.name(batch.name, row);
    if (batch.data.isNull(row) || batch.shape.isNull(row)) {
      throw columns.broken(VALUES, name, "has no data or no shape; leave the row out");
    }
    ByteSource data = batch.data.bytes(row);
    Shape shape = columns.shape(batch.shape, row, name);
    if (shape.elementCount() / Byte.SIZE > data.size()) {
      throw columns.wrongShape(name, shape + " and " + data.size() + " bytes, less than one bit"
          + " an element");
    }
    List<Part> parts = parts(batch.parts, row, name);
    Extent scales = values(batch.scales, row, name);
    Extent zeroPoints = values(batch.zeroPoints, row, name);
    String scheme = scheme(batch, row, name, shape, scales, zeroPoints);
    TensorEntry entry = new TensorEntry(name, scheme, shape, data.size());
    entry.dtype().ifPresent(dtype -> requireSize(name, dtype, shape, data.size()));
    tensors.add(new StoredTensor(entry, data.bytes()));
    if (isPart(batch.scales, row, entry, scales)) {
      addParameters(entry, Layer.SCALES, batch.scales, scales, parts);
    }
    if (isPart(batch.zeroPoints, row, entry, zeroPoints)) {
      addParameters(entry, Layer.ZERO_POINTS, batch.zeroPoints, zeroPoints, parts);
    }
    for (Part part : parts) {
      if (part.data != null) {
        add(name + "." + part.name, part.dtype, part.shape, part.data);
      }
    }
  }

  /** The run of a row of numbers, none of which is null; empty if the row is. */
  private Extent values(@Nullable ArrowColumn column, long row, String name) {
    if (!LayerColumns.has(column, row)) {
      return new Extent(0, 0);
    }
    Extent extent = Objects.requireNonNull(column).extent(row);
    if (column.children().getFirst().firstNull(extent) >= 0) {
      throw columns.broken(VALUES, name, "has a null among its " + column.field().name());
    }
    return extent;
  }

  /** What the row says, or for a table that says nothing, the variant of uniform it must be. */
  private String scheme(
      Columns batch, long row, String name, Shape shape, Extent scales, Extent zeroPoints) {
    String named =
        LayerColumns.has(batch.scheme, row)
            ? columns.text(Objects.requireNonNull(batch.scheme), row).strip()
                .toLowerCase(Locale.ROOT)
            : UniformText.FAMILY;
    long bitWidth =
        LayerColumns.has(batch.bitWidth, row)
            ? Objects.requireNonNull(batch.bitWidth).integer(row)
            : 0;
    int told = UniformText.bits(named);
    if (!UniformText.isUnnamed(named)) {
      if (told != 0 && bitWidth != 0 && told != bitWidth) {
        throw columns.broken(BIT_WIDTH, name, "is " + named + " with a bit_width of " + bitWidth);
      }
      return named;
    }
    if (bitWidth != 2 && bitWidth != 4 && bitWidth != 8) {
      throw columns.broken(BIT_WIDTH, name, "has "
          + (bitWidth == 0 ? "none" : "a bit_width of " + bitWidth)
          + "; if it is not uniform, name its scheme in the column \"scheme\"");
    }
    boolean symmetric =
        !LayerColumns.has(batch.zeroPoints, row)
            || (zeroPoints.length() == 0 && shape.elementCount() > 0);
    String scheme = UniformText.infer((int) bitWidth, shape, scales.length(), symmetric);
    if (scheme.isEmpty()) {
      throw columns.broken(
          SCALES, name, "of the shape " + shape + " has " + scales.length() + " scales");
    }
    return scheme;
  }

  /** Whether a row has such a part; an empty list is one of an empty tensor only. */
  private static boolean isPart(
      @Nullable ArrowColumn column, long row, TensorEntry tensor, Extent extent) {
    return extent.length() > 0
        || (LayerColumns.has(column, row)
            && tensor.dtype().isEmpty()
            && tensor.shape().elementCount() == 0);
  }

  private void addParameters(
      TensorEntry tensor,
      String part,
      @Nullable ArrowColumn column,
      Extent extent,
      List<Part> parts) {
    Shape shape = UniformText.parameterShape(tensor.encoding(), tensor.shape(), extent.length());
    for (Part described : parts) {
      if (described.data == null && described.name.equals(part)) {
        shape = described.shape;
      }
    }
    add(
        tensor.name() + "." + part,
        DType.F32,
        shape,
        Objects.requireNonNull(column).children().getFirst().numbers(extent));
  }

  private void add(String name, DType dtype, Shape shape, ByteSource data) {
    columns.claim(name, data);
    requireSize(name, dtype, shape, data.size());
    tensors.add(
        new StoredTensor(TensorEntry.of(name, new TensorType(dtype, shape)), data.bytes()));
  }

  private void requireSize(String name, DType dtype, Shape shape, long byteLength) {
    if (byteLength % dtype.byteSize() != 0
        || byteLength / dtype.byteSize() != shape.elementCount()) {
      throw columns.broken(BYTES, name, "is " + dtype + shape + " and has " + byteLength
          + " bytes");
    }
  }

  private List<Part> parts(@Nullable ArrowColumn column, long row, String name) {
    List<Part> parts = new ArrayList<>();
    if (!LayerColumns.has(column, row)) {
      return parts;
    }
    Extent extent = Objects.requireNonNull(column).extent(row);
    PartColumns found = PartColumns.of(column.children().getFirst());
    for (long i = extent.begin(); i < extent.end(); i++) {
      if (found.name().isNull(i) || found.dtype().isNull(i) || found.shape().isNull(i)) {
        throw columns.broken(VALUES, name, "has a part without name, dtype or shape");
      }
      DType dtype = dtype(name, columns.text(found.dtype(), i));
      Shape shape = columns.shape(found.shape(), i, name);
      ByteSource data = found.data().isNull(i) ? null : found.data().bytes(i);
      parts.add(new Part(columns.text(found.name(), i), dtype, shape, data));
    }
    return parts;
  }

  private DType dtype(String name, String text) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equalsIgnoreCase(text)) {
        return dtype;
      }
    }
    throw columns.broken(DTYPE, name, "has a part of the dtype \"" + text + '"');
  }
}
