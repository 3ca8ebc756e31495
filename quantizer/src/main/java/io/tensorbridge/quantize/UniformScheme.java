package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.internal.kernel.UniformRule;
import java.util.ArrayList;
import java.util.List;

/**
 * Evenly spaced levels between the least and the greatest value of a group: {@code x = (code -
 * zeroPoint) * scale}.
 *
 * <p>The rule, its NumPy reference and the packing are in {@code docs/uniform.md}. The codes of the
 * whole tensor, in C order, form one stream of bits, low bits first, so that {@code data} has {@code
 * ceil(elements * bits / 8)} bytes. The last group of a row may be shorter than the others.
 *
 * @param bits bits of a code: 2, 4 or 8
 * @param group which elements share a scale
 * @param symmetric whether the zero point is always {@code 2^(bits-1)}, and so not stored
 */
public record UniformScheme(int bits, Group group, boolean symmetric) implements QuantScheme {
  static final String FAMILY = "uniform";

  /** Which elements share a scale. */
  public enum Group {
    /** All of the tensor: {@code scales} has the shape {@code (1,)}. */
    TENSOR("tensor"),
    /** Each row: {@code scales} has the shape {@code (rows,)}. */
    ROW("row"),
    /** 32 neighbours in a row: {@code scales} has the shape {@code (rows, groups)}. */
    OF_32("32"),
    /** 64 neighbours in a row: {@code scales} has the shape {@code (rows, groups)}. */
    OF_64("64"),
    /** 128 neighbours in a row: {@code scales} has the shape {@code (rows, groups)}. */
    OF_128("128"),
    /** 256 neighbours in a row: {@code scales} has the shape {@code (rows, groups)}. */
    OF_256("256");

    private final String text;

    Group(String text) {
      this.text = text;
    }

    /**
     * The group as users write it.
     *
     * @return {@code tensor}, {@code row} or a number
     */
    @Override
    public String toString() {
      return text;
    }
  }

  /** Checks the bits. */
  public UniformScheme {
    requireBits(bits);
  }

  static void requireBits(int bits) {
    if (bits != 2 && bits != 4 && bits != 8) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "bits", bits + " is not possible; take 2, 4 or 8");
    }
  }

  /** This scheme, or one of its variants. */
  static QuantScheme of(SchemeOptions options) {
    int bits = options.choice("bits", List.of(2, 4, 8), 4);
    boolean symmetric = options.flag("sym", false);
    if (options.has(UniformTimeScheme.OPTION)) {
      options.requireAlone(UniformTimeScheme.OPTION, "group", UniformSpatialScheme.OPTION);
      int groups = options.number(UniformTimeScheme.OPTION, 1, UniformTimeScheme.MAX_GROUPS);
      return new UniformTimeScheme(bits, groups, symmetric);
    }
    Group group = options.choice("group", List.of(Group.values()));
    UniformScheme plain = new UniformScheme(bits, group, symmetric);
    return options.flag(UniformSpatialScheme.OPTION, false)
        ? new UniformSpatialScheme(plain)
        : plain;
  }

  UniformRule rule() {
    return new UniformRule(bits, symmetric);
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public int blockElements() {
    return 1;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    GroupGrid grid = GroupGrid.of(group, shape);
    List<OutputSpec> parts = new ArrayList<>(3);
    parts.add(
        new OutputSpec(
            "data", new TensorType(DType.U8, Shape.of(grid.packedBytes(bits, grid.elements())))));
    TensorType perGroup = new TensorType(DType.F32, grid.parameterShape());
    parts.add(new OutputSpec("scales", perGroup));
    if (!symmetric) {
      parts.add(new OutputSpec("zero_points", perGroup));
    }
    return List.copyOf(parts);
  }

  @Override
  public String toString() {
    return FAMILY + ":bits=" + bits + ",group=" + group + (symmetric ? ",sym=true" : "");
  }
}
