package io.tensorbridge.quantize;

/**
 * The scale of each column, made of its greatest finite magnitude, which threads find together, and
 * of the greatest activation in it.
 */
final class ChannelScales {
  /** Bits of magnitudes, which are ordered as the magnitudes are. */
  private final int[] greatest;

  private final float[] activations;
  private final float[] scales;

  /**
   * Scales of columns.
   *
   * @param activations one for each column, or none at all where all of them are 1
   */
  ChannelScales(int columns, float[] activations) {
    this.greatest = new int[columns];
    this.activations = activations;
    this.scales = new float[columns];
  }

  int columns() {
    return scales.length;
  }

  /** Joins the bits of the greatest magnitudes of some rows; the order does not matter. */
  synchronized void join(int[] bits) {
    for (int column = 0; column < bits.length; column++) {
      greatest[column] = Math.max(greatest[column], bits[column]);
    }
  }

  /** Makes the scales, once all rows are joined. */
  synchronized void finish() {
    for (int column = 0; column < scales.length; column++) {
      float activation = activations.length == 0 ? 1 : activations[column];
      // the root of a float as a double, rounded to float, is the rounded root
      float scale = (float) Math.sqrt(limit(column) / activation);
      scales[column] = scale > 0 && scale < Float.POSITIVE_INFINITY ? scale : 1;
    }
  }

  /** The greatest finite magnitude of a column. */
  float limit(int column) {
    return Float.intBitsToFloat(greatest[column]);
  }

  /** For all columns; not to be changed. */
  float[] scales() {
    return scales;
  }
}
