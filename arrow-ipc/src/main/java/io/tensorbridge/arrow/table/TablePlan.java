package io.tensorbridge.arrow.table;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BatchPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The layout of a table to be written: one batch for each row, so that the bytes of every tensor are
 * aligned in the file.
 */
final class TablePlan {
  private static final ArrowType UTF8 = new ArrowType.Bytes(true, false);
  private static final ArrowField NAME = ArrowField.of("layer_name", UTF8, true);
  private static final ArrowField SHAPE = shape();

  private final Path target;
  private final List<Layer> layers;
  private final boolean large;
  private final List<ArrowField> fields = new ArrayList<>();
  private final List<BatchPlan> batches = new ArrayList<>();
  private final Place[] places;

  /**
   * Where the bytes of an entry go.
   *
   * @param batch the index of a batch
   * @param bodyOffset where in its body
   * @param byteLength how many
   */
  record Place(int batch, long bodyOffset, long byteLength) {}

  private TablePlan(Path target, List<Layer> layers, int entryCount) {
    this.target = target;
    this.layers = layers;
    this.large = layers.stream().anyMatch(TablePlan::needsLargeOffsets);
    this.places = new Place[entryCount];
  }

  /**
   * Plans a table of weights if all tensors are floats of one dtype, else one of quantized layers.
   *
   * @param entryCount of the layers and all their parts
   * @throws FormatException if a tensor has too many scales
   */
  static TablePlan of(Path target, List<Layer> layers, int entryCount) {
    TablePlan plan = new TablePlan(target, layers, entryCount);
    DType first = layers.isEmpty() ? DType.F32 : layers.getFirst().tensor().dtype().orElse(null);
    boolean weights = first == DType.F16 || first == DType.F32 || first == DType.F64;
    for (Layer layer : layers) {
      weights &= layer.tensor().dtype().orElse(null) == first;
    }
    if (weights && first != null) {
      plan.addWeights(first);
    } else {
      plan.addQuantized();
    }
    return plan;
  }

  ArrowSchema schema(Map<String, String> metadata) {
    return new ArrowSchema(fields, metadata);
  }

  List<BatchPlan> batches() {
    return batches;
  }

  /** Where the bytes of each entry go. */
  List<Place> places() {
    return List.of(places);
  }

  private static ArrowField shape() {
    ArrowField item = ArrowField.of("item", new ArrowType.Int(64, true), true);
    return ArrowField.of("shape", new ArrowType.ListOf(false), true, item);
  }

  private static boolean needsLargeOffsets(Layer layer) {
    long parts = 0;
    for (Layer.Part part : layer.describedParts()) {
      parts += part.isParameters() ? 0 : part.type().byteLength();
    }
    return Math.max(layer.tensor().byteLength(), parts) > Integer.MAX_VALUE;
  }

  private void addWeights(DType dtype) {
    ArrowField item = ArrowField.of("item", new ArrowType.Floating(dtype.bits()), true);
    fields.add(NAME);
    fields.add(ArrowField.of("weights", new ArrowType.ListOf(large), true, item));
    fields.add(SHAPE);
    for (Layer layer : layers) {
      RowPlan row = new RowPlan();
      row.text(layer.tensor().name());
      long elements = layer.tensor().shape().elementCount();
      place(layer.index(), row.numbers(elements, dtype.byteSize(), large),
          layer.tensor().byteLength());
      row.shapes(List.of(layer.tensor().shape().dimensions()));
      batches.add(row.batch());
    }
  }

  private void place(int entry, long bodyOffset, long byteLength) {
    places[entry] = new Place(batches.size(), bodyOffset, byteLength);
  }

  private void addQuantized() {
    boolean schemes =
        !layers.stream().allMatch(layer -> UniformText.isPlain(layer.tensor().encoding()));
    boolean parts = layers.stream().anyMatch(layer -> !layer.describedParts().isEmpty());
    fields.add(NAME);
    fields.add(ArrowField.of("quantized_data", new ArrowType.Bytes(false, large), true));
    fields.add(floats(Layer.SCALES));
    fields.add(floats(Layer.ZERO_POINTS));
    fields.add(SHAPE);
    fields.add(ArrowField.of("bit_width", new ArrowType.Int(8, false), true));
    if (schemes) {
      fields.add(ArrowField.of("scheme", UTF8, true));
    }
    if (parts) {
      fields.add(partList());
    }
    for (Layer layer : layers) {
      RowPlan row = new RowPlan();
      row.text(layer.tensor().name());
      long byteLength = layer.tensor().byteLength();
      place(layer.index(), row.bytes(new long[]{byteLength}, large), byteLength);
      addParameters(row, layer, Layer.SCALES);
      addParameters(row, layer, Layer.ZERO_POINTS);
      row.shapes(List.of(layer.tensor().shape().dimensions()));
      row.uint8(bitWidth(layer));
      if (schemes) {
        row.text(layer.tensor().encoding());
      }
      if (parts) {
        addParts(row, layer.describedParts());
      }
      batches.add(row.batch());
    }
  }

  private static ArrowField floats(String name) {
    ArrowField item = ArrowField.of("item", new ArrowType.Floating(32), true);
    return ArrowField.of(name, new ArrowType.ListOf(false), true, item);
  }

  private ArrowField partList() {
    ArrowField item =
        ArrowField.of(
            "item",
            new ArrowType.Struct(),
            true,
            ArrowField.of("name", UTF8, true),
            ArrowField.of("dtype", UTF8, true),
            SHAPE,
            ArrowField.of("data", new ArrowType.Bytes(false, large), true));
    return ArrowField.of("parts", new ArrowType.ListOf(false), true, item);
  }

  private void addParameters(RowPlan row, Layer layer, String name) {
    Layer.Part part = layer.parameters(name).orElse(null);
    if (part == null) {
      row.numbers(-1, Float.BYTES, false);
      return;
    }
    long count = part.type().shape().elementCount();
    if (count > Integer.MAX_VALUE) {
      throw new FormatException(target + ": tensor \"" + layer.tensor().name() + "\" has " + count
          + " " + name + ", more than a list holds; choose larger groups");
    }
    place(part.index(), row.numbers(count, Float.BYTES, false), part.type().byteLength());
  }

  /** The bits of a code, of a plain element, or of a block without its scales; -1 if none. */
  private static int bitWidth(Layer layer) {
    int told = UniformText.bits(layer.tensor().encoding());
    DType dtype = layer.tensor().dtype().orElse(null);
    if (told != 0 || dtype != null) {
      return dtype == null ? told : dtype.bits();
    }
    long elements = layer.tensor().shape().elementCount();
    return elements == 0 ? -1 : (int) Math.min(layer.tensor().byteLength() * 8 / elements, 255);
  }

  private void addParts(RowPlan row, List<Layer.Part> parts) {
    row.structs(parts.size());
    row.texts(parts.stream().map(Layer.Part::name).toList());
    row.texts(parts.stream().map(part -> part.type().dtype().name().toLowerCase(Locale.ROOT))
        .toList());
    row.shapes(parts.stream().map(part -> part.type().shape().dimensions()).toList());
    long[] lengths =
        parts.stream().mapToLong(part -> part.isParameters() ? -1 : part.type().byteLength())
            .toArray();
    long offset = row.bytes(lengths, large);
    for (int i = 0; i < lengths.length; i++) {
      if (lengths[i] >= 0) {
        place(parts.get(i).index(), offset, lengths[i]);
        offset += lengths[i];
      }
    }
  }
}
