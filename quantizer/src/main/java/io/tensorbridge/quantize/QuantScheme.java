package io.tensorbridge.quantize;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.op.OutputSpec;
import java.util.List;

/**
 * A rule that turns floats into fewer bits, and back; immutable.
 *
 * <p>A tensor is seen as a matrix whose <em>rows</em> hold whole blocks: a row is the last dimension
 * of a tensor of rank 0, 1 or 2, and everything behind the first dimension of a higher rank ({@link
 * Shape#flattenedToMatrix()}), so that a convolution weight {@code (out, in, kh, kw)} has rows of
 * {@code in*kh*kw}. The elements of a row stay in C order.
 *
 * <p>A quantized tensor has one or more <em>parts</em>, each a plain row-major tensor: {@code data}
 * (uint8, one dimension) always and first; {@code scales}, {@code zero_points} and what else a scheme
 * keeps outside its blocks behind it. {@code data} and all that there is for each group are empty for
 * an empty tensor.
 */
public sealed interface QuantScheme
    permits FloatScheme, BlockScheme, UniformScheme, UniformTimeScheme, UniformSpatialScheme,
    GroupScheme, HqqScheme {
  /**
   * The scheme that a text names: a family, and for {@code uniform} its options behind a colon.
   *
   * @param text for example {@code q8_0} or {@code uniform:bits=4,group=128}, in any case
   * @return the scheme
   * @throws io.tensorbridge.OptionException {@link ErrorCode#UNKNOWN_SCHEME} with the known names,
   *     or {@link ErrorCode#BAD_OPTION} with the values that an option may take
   */
  static QuantScheme parse(String text) {
    return SchemeParser.parse(text);
  }

  /**
   * The families that {@link #parse(String)} knows.
   *
   * @return lower-case names, uniform first
   */
  static List<String> knownFamilies() {
    return SchemeParser.FAMILIES;
  }

  /**
   * The options that a family takes behind a colon.
   *
   * @param family one of {@link #knownFamilies()}
   * @return each with its values, for example {@code bits=2|4|8}; none for an unknown family
   */
  static List<String> optionsOf(String family) {
    return SchemeParser.optionsOf(family);
  }

  /**
   * The name without options.
   *
   * @return lower case, for example {@code q8_0} or {@code uniform}
   */
  String family();

  /**
   * The number that the length of a row must be a multiple of.
   *
   * @return elements; 1 if any row will do
   */
  int blockElements();

  /**
   * Dtypes and shapes of the parts of a tensor.
   *
   * @param shape the tensor's shape
   * @return {@code data} first, then what the scheme keeps outside its blocks
   * @throws TensorException {@link ErrorCode#NOT_DIVISIBLE} if a row does not hold whole blocks
   */
  List<OutputSpec> parts(Shape shape);

  /**
   * Whether the rows of a tensor hold whole blocks.
   *
   * @param shape the tensor's shape
   * @return false if {@link #parts(Shape)} would refuse it
   */
  default boolean fits(Shape shape) {
    return shape.elementCount() == 0
        || shape.flattenedToMatrix().rowLength() % blockElements() == 0;
  }

  /**
   * The size of all parts of a tensor.
   *
   * @param shape the tensor's shape
   * @return bytes
   * @throws TensorException {@link ErrorCode#NOT_DIVISIBLE} if a row does not hold whole blocks
   */
  default long byteLength(Shape shape) {
    return parts(shape).stream().mapToLong(part -> part.type().byteLength()).sum();
  }

  /**
   * What one element of a tensor costs, all parts counted.
   *
   * @param shape the tensor's shape
   * @return bits; 0 for an empty tensor
   * @throws TensorException {@link ErrorCode#NOT_DIVISIBLE} if a row does not hold whole blocks
   */
  default double bitsPerWeight(Shape shape) {
    return shape.elementCount() == 0 ? 0 : 8.0 * byteLength(shape) / shape.elementCount();
  }

  /**
   * Whether it takes a vector beside a tensor ({@link Quantization#withImportance}).
   *
   * @return true for the schemes of {@link #calibrationTakers()}
   */
  default boolean takesCalibration() {
    return SideVector.find(this).isPresent();
  }

  /**
   * The schemes that take a vector beside a tensor.
   *
   * @return their names, and what they take, in words
   */
  static String calibrationTakers() {
    return SideVector.takers();
  }

  /**
   * The canonical text, which {@link #parse(String)} reads.
   *
   * @return for example {@code q8_0} or {@code uniform:bits=4,group=tensor}
   */
  @Override
  String toString();
}
