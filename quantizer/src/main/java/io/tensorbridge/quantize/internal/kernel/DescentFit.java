package io.tensorbridge.quantize.internal.kernel;

/** The scale of each sub-block of a tile, and its codes, as a search found them. */
final class DescentFit {
  /** Sub-blocks of a tile. */
  static final int LANES = SuperBlockTile.BLOCKS * Q3KLayout.GROUPS;

  final float[] scales = new float[LANES];

  /** With {@link Q3KLayout#BIAS}, except those of a sub-block of zeros; element by element. */
  final byte[] codes = new byte[SuperBlockTile.ELEMENTS];
}
