package io.tensorbridge.quantize.lora;

import io.tensorbridge.Shape;
import io.tensorbridge.quantize.FloatSource;
import java.util.Optional;

/**
 * The factors of one module, wherever they lie; immutable and thread-safe.
 *
 * <p>They are read once, when the weight that they change is: into memory of the merge, so that
 * nobody changes them meanwhile.
 *
 * @param name what failures call the module
 * @param down {@code [rank, in]} or {@code [rank, in, kh, kw]}
 * @param up {@code [out, rank]} or {@code [out, rank, 1, 1]}
 * @param magnitude the norm of each row of a DoRA, {@code out} elements
 */
public record LoraFactors(
    String name, FloatSource down, FloatSource up, Optional<FloatSource> magnitude) {
  /**
   * The rank of the product.
   *
   * @return at least 1
   */
  public int rank() {
    return (int) up.type().shape().dimension(1);
  }

  /**
   * The output features or channels.
   *
   * @return the rows of the weight
   */
  public long rows() {
    return up.type().shape().dimension(0);
  }

  /**
   * The input features, or {@code in * kh * kw}.
   *
   * @return the columns of the weight
   */
  public long columns() {
    Shape shape = down.type().shape();
    return shape.elementCount() / shape.dimension(0);
  }
}
