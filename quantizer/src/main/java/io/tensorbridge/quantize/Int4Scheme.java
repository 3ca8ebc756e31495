package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Integers of four or eight bits with a scale, and maybe a zero point, for each group of neighbours
 * in a row, as the operators of two libraries take them. The parts are {@code data}, {@code scales}
 * (float32, one for each group) and, unless symmetric, {@code zero_points}:
 *
 * <ul>
 *   <li>{@link Layout#ONNX}: {@code data} has {@code (rows, groups, group * bits / 8)} bytes, the
 *       first code of each pair low, the last group of a row padded to its full length; zero points
 *       have as many bits as codes, each row of them padded to whole bytes. A row is an output
 *       channel: a tensor {@code (N, K)} gives what onnxruntime gives for its transpose {@code (K,
 *       N)}.
 *   <li>{@link Layout#COMPRESSED_TENSORS}: {@code data} has the bytes of {@code weight_packed}, each
 *       row padded to whole int32, the first code lowest, {@code 2^(bits-1)} added to each; zero
 *       points are signed bytes.
 * </ul>
 *
 * @param layout whose rule and layout
 * @param bits bits of a code: 4 or 8
 * @param group elements of a group, 16, 32, 64, 128 or 256; 0 for a row, with compressed-tensors
 * @param isSymmetric whether there are no zero points
 */
public record Int4Scheme(Layout layout, int bits, int group,
    boolean isSymmetric) implements GroupScheme {
  static final String FAMILY = "int4";

  private static final List<Integer> GROUPS = List.of(16, 32, 64, 128, 256);
  private static final List<String> GROUP_TEXTS = List.of("16", "32", "64", "128", "256", "row");
  private static final int DEFAULT_BITS = 4;
  private static final int DEFAULT_GROUP = 128;
  private static final String ROW = "row";

  /** The two libraries. */
  public enum Layout {
    /** onnxruntime's operator MatMulNBits. */
    ONNX("onnx"),
    /** compressed-tensors' {@code pack-quantized}. */
    COMPRESSED_TENSORS("compressed-tensors");

    private final String text;

    Layout(String text) {
      this.text = text;
    }

    /**
     * The layout as users write it.
     *
     * @return {@code onnx} or {@code compressed-tensors}
     */
    @Override
    public String toString() {
      return text;
    }
  }

  /** Checks bits and group. */
  public Int4Scheme {
    if (bits != 4 && bits != 8) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "bits", bits + " is not possible; take 4 or 8");
    }
    if (group == 0 && layout == Layout.ONNX) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          "group",
          "MatMulNBits has no groups of a row; take one of " + GROUPS
              + ", or layout=compressed-tensors");
    }
    if (group != 0 && !GROUPS.contains(group)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "group", group + " is not possible; take one of " + GROUPS);
    }
  }

  static Int4Scheme of(SchemeOptions options) {
    Layout layout = options.choice("layout", List.of(Layout.values()));
    int bits = options.choice("bits", List.of(4, 8), DEFAULT_BITS);
    String group = options.choice("group", GROUP_TEXTS, Integer.toString(DEFAULT_GROUP));
    boolean isSymmetric = options.flag("sym", isUsuallySymmetric(layout));
    return new Int4Scheme(
        layout, bits, group.equals(ROW) ? 0 : Integer.parseInt(group), isSymmetric);
  }

  private static boolean isUsuallySymmetric(Layout layout) {
    return layout == Layout.COMPRESSED_TENSORS;
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public int blockElements() {
    return layout == Layout.ONNX ? 1 : Math.max(1, group);
  }

  GroupGrid grid(Shape shape) {
    return group == 0 ? GroupGrid.ofRows(shape) : GroupGrid.ofRows(shape, group);
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    if (!fits(shape)) {
      throw SchemeParser.notDivisible(this, shape);
    }
    GroupGrid grid = grid(shape);
    List<OutputSpec> parts = new ArrayList<>(3);
    parts.add(new OutputSpec("data", new TensorType(DType.U8, Shape.of(dataBytes(grid)))));
    parts.add(new OutputSpec("scales", new TensorType(DType.F32, grid.parameterShape())));
    if (!isSymmetric) {
      parts.add(new OutputSpec("zero_points", zeroPoints(grid)));
    }
    return List.copyOf(parts);
  }

  private long dataBytes(GroupGrid grid) {
    return switch (layout) {
      case ONNX -> grid.groups() * group * bits / 8;
      case COMPRESSED_TENSORS ->
          grid.rows() * Math.ceilDiv(grid.columns() * bits, Integer.SIZE) * Integer.BYTES;
    };
  }

  private TensorType zeroPoints(GroupGrid grid) {
    return switch (layout) {
      case ONNX -> {
        long perRow = Math.ceilDiv(grid.groupsPerRow() * bits, 8);
        Shape shape = grid.rows() == 0 ? Shape.of(0) : Shape.of(grid.rows(), perRow);
        yield new TensorType(DType.U8, shape);
      }
      case COMPRESSED_TENSORS -> new TensorType(DType.I8, grid.parameterShape());
    };
  }

  @Override
  public String toString() {
    List<String> options = new ArrayList<>(4);
    if (layout != Layout.ONNX) {
      options.add("layout=" + layout);
    }
    if (bits != DEFAULT_BITS) {
      options.add("bits=" + bits);
    }
    if (group != DEFAULT_GROUP) {
      options.add("group=" + (group == 0 ? ROW : group));
    }
    if (isSymmetric != isUsuallySymmetric(layout)) {
      options.add("sym=" + isSymmetric);
    }
    return options.isEmpty() ? FAMILY : FAMILY + ":" + String.join(",", options);
  }
}
