package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Half-quadratic quantization as the package hqq has it ({@code Quantizer.quantize} with {@code
 * axis=1} and {@code optimize=True}): integers with a scale and a zero point for each group, whose
 * zero point is improved in at most 20 passes over the tensor. Groups run over all elements in C
 * order; their number must fill whole bytes of {@code data}.
 *
 * <p>The parts are
 *
 * <ul>
 *   <li>{@code data}: with 4 bits a byte holds an element of the first half of the tensor in its
 *       high nibble, and the one as far into the second half in its low one; with 2 bits one of each
 *       quarter, the first in the highest bits; with 8 bits one byte for each element;
 *   <li>{@code scales}: a float32 for each group, what codes are multiplied by;
 *   <li>{@code zero_points}: a float32 for each group, not rounded; a value is {@code (code -
 *       zero_point) * scale}.
 * </ul>
 *
 * <p>hqq sums float32 in an order that depends on the processor. So zero points may differ by their
 * last bits, and a code may differ by one where a value lies halfway between two.
 *
 * @param bits bits of a code: 2, 4 or 8
 * @param group elements of a group: 32, 64 or 128
 */
public record HqqScheme(int bits, int group) implements QuantScheme {
  static final String FAMILY = "hqq";

  private static final List<Integer> BITS = List.of(4, 8, 2);
  private static final List<Integer> GROUPS = List.of(32, 64, 128);
  private static final int DEFAULT_BITS = 4;
  private static final int DEFAULT_GROUP = 64;

  /** Checks bits and group. */
  public HqqScheme {
    if (!BITS.contains(bits)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "bits", bits + " is not possible; take one of " + BITS);
    }
    if (!GROUPS.contains(group)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "group", group + " is not possible; take one of " + GROUPS);
    }
  }

  static HqqScheme of(SchemeOptions options) {
    return new HqqScheme(
        options.choice("bits", BITS, DEFAULT_BITS),
        options.choice("group", GROUPS, DEFAULT_GROUP));
  }

  @Override
  public String family() {
    return FAMILY;
  }

  /**
   * Elements of a group.
   *
   * @return the group; {@link #fits(Shape)} looks at all elements, not at rows
   */
  @Override
  public int blockElements() {
    return group;
  }

  /** The codes in a byte of {@code data}. */
  int codesPerByte() {
    return Byte.SIZE / bits;
  }

  @Override
  public boolean fits(Shape shape) {
    return shape.elementCount() % ((long) group * codesPerByte()) == 0;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    long elements = shape.elementCount();
    if (!fits(shape)) {
      throw new TensorException(
          ErrorCode.NOT_DIVISIBLE,
          elements + " elements (shape " + shape + ") do not divide into " + codesPerByte()
              + " times " + this + " groups of " + group
              + "; take a smaller group, or bits=8, or uniform:group=" + group);
    }
    Shape groups = Shape.of(elements / group);
    return List.of(
        new OutputSpec("data", new TensorType(DType.U8, Shape.of(elements / codesPerByte()))),
        new OutputSpec("scales", new TensorType(DType.F32, groups)),
        new OutputSpec("zero_points", new TensorType(DType.F32, groups)));
  }

  @Override
  public String toString() {
    List<String> options = new ArrayList<>(2);
    if (bits != DEFAULT_BITS) {
      options.add("bits=" + bits);
    }
    if (group != DEFAULT_GROUP) {
      options.add("group=" + group);
    }
    return options.isEmpty() ? FAMILY : FAMILY + ":" + String.join(",", options);
  }
}
