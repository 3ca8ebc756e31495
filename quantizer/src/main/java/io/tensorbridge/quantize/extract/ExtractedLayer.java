package io.tensorbridge.quantize.extract;

import io.tensorbridge.Shape;

/**
 * How well a product of low rank stands for the difference of a layer.
 *
 * @param tensor the weight, as the tuned model names it
 * @param shape of the weight
 * @param rank of the product
 * @param norm of the difference, the root of the sum of its squares
 * @param error the norm of what the product lacks by that of the difference, 0 to 1
 */
public record ExtractedLayer(String tensor, Shape shape, int rank, double norm, double error) {
  /**
   * What the product holds.
   *
   * @return the share of the squared difference, 0 to 1
   */
  public double energy() {
    return 1 - error * error;
  }
}
