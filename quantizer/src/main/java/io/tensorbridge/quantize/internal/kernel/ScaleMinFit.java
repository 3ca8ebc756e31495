package io.tensorbridge.quantize.internal.kernel;

/**
 * Scale and minimum of each sub-block of a tile, as a search found them, and the codes that belong to
 * them: {@code nearest(inverse * (x - offset))}, which are needed only where a quantized scale is 0.
 */
final class ScaleMinFit {
  /** Sub-blocks of a tile. */
  static final int LANES = SuperBlockTile.BLOCKS * ScaleMinLayout.GROUPS;

  final float[] scales = new float[LANES];

  /** The minima with their sign turned, as ggml keeps them: not negative. */
  final float[] mins = new float[LANES];
  final float[] inverses = new float[LANES];
  final float[] offsets = new float[LANES];

  /** The sums of the weights, by which scales and minima of importances are weighed. */
  final float[] weightSums = new float[LANES];
}
