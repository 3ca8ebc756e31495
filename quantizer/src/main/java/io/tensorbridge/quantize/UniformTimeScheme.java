package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.internal.kernel.UniformRule;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code uniform} of a tensor whose rows belong to timesteps of a diffusion process: rows of
 * neighbouring timesteps share parameters, since activations change their range with time.
 *
 * <p>Rows are stored in the order of their timesteps, which a second input gives ({@link
 * Quantization#withImportance}; without it, rows are in order already). They are cut into groups of
 * nearly equal numbers of rows; the rule of a group is that of {@link UniformScheme}. The part {@code
 * order} tells which row each stored one was, so that dequantizing gives the rows back where they
 * were. The NumPy reference is in {@code docs/uniform.md}.
 *
 * @param bits bits of a code: 2, 4 or 8
 * @param groups groups of timesteps, from 1 to 65536; a tensor of fewer rows has one for each
 * @param symmetric whether the zero point is always {@code 2^(bits-1)}, and so not stored
 */
public record UniformTimeScheme(int bits, int groups, boolean symmetric) implements QuantScheme {
  static final String OPTION = "time";
  static final int MAX_GROUPS = 1 << 16;

  /** Their order is kept in memory. */
  private static final long MAX_ROWS = 1L << 24;

  /** Checks bits and groups. */
  public UniformTimeScheme {
    UniformScheme.requireBits(bits);
    if (groups < 1 || groups > MAX_GROUPS) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          OPTION,
          groups + " is not possible; take a number of groups from 1 to " + MAX_GROUPS);
    }
  }

  @Override
  public String family() {
    return UniformScheme.FAMILY;
  }

  @Override
  public int blockElements() {
    return 1;
  }

  @Override
  public boolean fits(Shape shape) {
    return TimeGroups.of(groups, shape).rows() <= MAX_ROWS;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    TimeGroups grid = TimeGroups.of(groups, shape);
    if (grid.rows() > MAX_ROWS) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          shape + " has " + grid.rows() + " rows, but " + this + " takes at most " + MAX_ROWS
              + "; cut the tensor, or quantize without groups of timesteps");
    }
    List<OutputSpec> parts = new ArrayList<>(4);
    Shape data = Shape.of(grid.packedBytes(bits, grid.elements()));
    parts.add(new OutputSpec("data", new TensorType(DType.U8, data)));
    TensorType perGroup = new TensorType(DType.F32, Shape.of(grid.groups()));
    parts.add(new OutputSpec("scales", perGroup));
    if (!symmetric) {
      parts.add(new OutputSpec("zero_points", perGroup));
    }
    parts.add(new OutputSpec("order", new TensorType(DType.I32, Shape.of(grid.rows()))));
    return List.copyOf(parts);
  }

  UniformRule rule() {
    return new UniformRule(bits, symmetric);
  }

  /** Which part is the order. */
  int orderPart() {
    return symmetric ? 2 : 3;
  }

  @Override
  public String toString() {
    return UniformScheme.FAMILY + ":bits=" + bits + "," + OPTION + "=" + groups
        + (symmetric ? ",sym=true" : "");
  }
}
