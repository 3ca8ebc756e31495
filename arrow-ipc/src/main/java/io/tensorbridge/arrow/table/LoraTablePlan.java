package io.tensorbridge.arrow.table;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BatchPlan;
import io.tensorbridge.file.TensorEntry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The layout of a table of LoRA modules to be written, as {@link LoraTableReader} reads it: a row for
 * each {@code MODULE.lora_A.weight} and {@code MODULE.lora_B.weight}, in a batch of its own, so that
 * the bytes of every factor are aligned in the file.
 */
final class LoraTablePlan {
  static final String DOWN = ".lora_A.weight";
  static final String UP = ".lora_B.weight";

  private static final List<DType> DTYPES = List.of(DType.F16, DType.BF16, DType.F32, DType.F64);
  private static final ArrowType UTF8 = new ArrowType.Bytes(true, false);
  private static final ArrowType BINARY = new ArrowType.Bytes(false, false);
  private static final List<ArrowField> FIELDS =
      List.of(
          ArrowField.of("module", UTF8, true),
          ArrowField.of(LoraTableReader.DOWN_COLUMN, BINARY, true),
          ArrowField.of("weight_b", BINARY, true),
          shape("shape_a"),
          shape("shape_b"),
          ArrowField.of("dtype", UTF8, true));

  private final Path target;
  private final List<TensorEntry> entries;
  private final List<BatchPlan> batches = new ArrayList<>();
  private final TablePlan.Place[] places;

  private LoraTablePlan(Path target, List<TensorEntry> entries) {
    this.target = target;
    this.entries = entries;
    this.places = new TablePlan.Place[entries.size()];
  }

  /**
   * Plans a table.
   *
   * @throws FormatException if an entry is not one of two float factors of a module; the message
   *     names it
   */
  static LoraTablePlan of(Path target, List<TensorEntry> entries) {
    LoraTablePlan plan = new LoraTablePlan(target, entries);
    plan.modules().forEach(plan::add);
    return plan;
  }

  static boolean holds(String encoding) {
    return DTYPES.stream().anyMatch(dtype -> dtype.name().equalsIgnoreCase(encoding));
  }

  ArrowSchema schema(Map<String, String> metadata) {
    return new ArrowSchema(FIELDS, metadata);
  }

  List<BatchPlan> batches() {
    return batches;
  }

  /** Where the bytes of each entry go. */
  List<TablePlan.Place> places() {
    return List.of(places);
  }

  private static ArrowField shape(String name) {
    ArrowField item = ArrowField.of("item", new ArrowType.Int(32, true), true);
    return ArrowField.of(name, new ArrowType.ListOf(false), true, item);
  }

  /** The indices of down and up of each module, -1 for a missing one. */
  private Map<String, int[]> modules() {
    Map<String, int[]> modules = new LinkedHashMap<>();
    for (int i = 0; i < entries.size(); i++) {
      String name = entries.get(i).name();
      int half = name.endsWith(DOWN) ? 0 : name.endsWith(UP) ? 1 : -1;
      if (half < 0) {
        throw refused("the tensor \"" + name + "\" has no column in a table of LoRA modules, which"
            + " holds MODULE" + DOWN + " and MODULE" + UP + " alone");
      }
      String module = name.substring(0, name.length() - DOWN.length());
      int[] halves = modules.computeIfAbsent(module, _ -> new int[]{-1, -1});
      if (halves[half] >= 0) {
        throw new FormatException(
            target + ": the name \"" + name + "\" is taken; names must be unique");
      }
      halves[half] = i;
    }
    return modules;
  }

  private void add(String module, int[] halves) {
    for (int half = 0; half < 2; half++) {
      if (halves[half] < 0) {
        throw new FormatException(target + ": the module \"" + module + "\" lacks its tensor "
            + module + (half == 0 ? DOWN : UP) + "; a row holds both factors");
      }
    }
    TensorEntry down = entries.get(halves[0]);
    TensorEntry up = entries.get(halves[1]);
    DType dtype = dtype(module, down, up);
    RowPlan row = new RowPlan();
    row.text(module);
    place(module, halves[0], dtype, row);
    place(module, halves[1], dtype, row);
    row.shape32(down.shape().dimensions());
    row.shape32(up.shape().dimensions());
    row.text(dtype.numpyName());
    batches.add(row.batch());
  }

  /** The one dtype of a row. */
  private DType dtype(String module, TensorEntry down, TensorEntry up) {
    if (!down.encoding().equals(up.encoding())) {
      throw refused("the module \"" + module + "\" has factors of " + down.encoding() + " and of "
          + up.encoding() + ", where a row has one dtype");
    }
    return down.dtype().filter(DTYPES::contains).orElseThrow(
        () -> refused("the module \"" + module + "\" has factors of " + down.encoding()
            + ", where a table of LoRA modules holds "
            + String.join(", ", DTYPES.stream().map(LoraTablePlan::name).toList())));
  }

  private static String name(DType dtype) {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  private void place(String module, int entry, DType dtype, RowPlan row) {
    TensorEntry factor = entries.get(entry);
    TensorType type = new TensorType(dtype, factor.shape());
    long byteLength = factor.byteLength();
    if (type.byteLength() != byteLength) {
      throw new FormatException(target + ": tensor \"" + factor.name() + "\" is " + type
          + " and can't have " + byteLength + " bytes");
    }
    long greatest = Arrays.stream(factor.shape().dimensions()).max().orElse(0);
    if (Math.max(byteLength, greatest) > Integer.MAX_VALUE) {
      throw refused("the module \"" + module + "\" has a factor of " + type
          + ", where a row counts bytes and extents in 32 bits");
    }
    long offset = row.bytes(new long[]{byteLength}, false);
    places[entry] = new TablePlan.Place(batches.size(), offset, byteLength);
  }

  private FormatException refused(String what) {
    return new FormatException(
        target + ": " + what + "; write .safetensors", -1, LoraTableReader.FACTORS);
  }
}
