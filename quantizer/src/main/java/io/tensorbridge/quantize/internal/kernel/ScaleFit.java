package io.tensorbridge.quantize.internal.kernel;

/**
 * The scale of each sub-block of a tile, as a search found it, and the factor that belongs to its
 * codes, {@code nearest(inverse * x) + 32}, which are needed only where a quantized scale is 0.
 */
final class ScaleFit {
  /** Sub-blocks of a tile. */
  static final int LANES = SuperBlockTile.BLOCKS * Q6KLayout.GROUPS;

  final float[] scales = new float[LANES];

  /** 0 for a sub-block of zeros, whose codes are 0 as well. */
  final float[] inverses = new float[LANES];
}
