package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * 8-bit floats of {@code x / scale}, where {@code scale} is the greatest magnitude that shares it,
 * divided by the greatest finite value of the type; {@code x = code * scale}.
 *
 * <p>The rule of torchao 0.18 ({@code Float8Tensor.from_hp}) and of compressed-tensors 0.20: all in
 * float32, the quotient is clamped to the finite values and rounded half to even. Of zeros alone
 * torchao makes NaN; they get the scale 2^-23 as in compressed-tensors. Tiles are 128 x 128 as those
 * libraries and DeepSeek have them, smaller at the ends of rows and columns.
 */
abstract class ScaledFloat8 implements GroupKernel {
  /** Rows and columns of a tile. */
  static final int TILE = 128;

  private static final float SCALE_OF_ZEROS = 0x1p-23f;

  /** Which elements share a scale. */
  enum Extent {
    /** All of the tensor; the scale is given. */
    TENSOR,
    /** The group, a row. */
    ROW,
    /**
     * 128 columns of the group, which is a band of 128 rows, one after another; a full group has 128
     * times as many elements as a row, so that a kernel knows the length of rows.
     */
    TILE
  }

  final SmallFloat type;
  private final Extent extent;

  ScaledFloat8(SmallFloat type, Extent extent) {
    this.type = type;
    this.extent = extent;
  }

  /** The scale of values with a greatest magnitude. */
  static float scale(SmallFloat type, float amax) {
    float scale = amax / type.maxValue;
    return scale == 0 ? SCALE_OF_ZEROS : scale;
  }

  /** The greatest magnitude of a run of values, as raw bits. */
  abstract int magnitude(MemorySegment source, long sourceOffset, int count);

  /** Casts a run of values that share a scale; returns their greatest magnitude, as raw bits. */
  abstract int cast(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      MemorySegment target,
      long targetOffset);

  /**
   * The greatest magnitudes of the tiles of a band, as raw bits. It is read row after row: shorter
   * runs of each row, as long as the cache holds, cost more than to read the band twice.
   */
  private void magnitudes(
      MemorySegment source, long sourceOffset, int columns, int rows, int[] greatest) {
    for (int row = 0; row < rows; row++) {
      for (int tile = 0; tile < greatest.length; tile++) {
        long from = sourceOffset + 4 * (row * (long) columns + (long) tile * TILE);
        int found = magnitude(source, from, tileColumns(tile, columns));
        greatest[tile] = Math.max(greatest[tile], found);
      }
    }
  }

  /** Casts the tiles of a band. */
  private void castTiles(
      MemorySegment source,
      long sourceOffset,
      int columns,
      int rows,
      float[] scales,
      MemorySegment target,
      long targetOffset) {
    for (int row = 0; row < rows; row++) {
      for (int tile = 0; tile < scales.length; tile++) {
        long at = row * (long) columns + (long) tile * TILE;
        int count = tileColumns(tile, columns);
        cast(source, sourceOffset + 4 * at, count, scales[tile], target, targetOffset + at);
      }
    }
  }

  /** The reverse of {@link #cast}. */
  abstract void widen(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      MemorySegment target,
      long targetOffset);

  @Override
  public final int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    if (extent == Extent.TENSOR) {
      float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, 0);
      return cast(source, sourceOffset, elements, scale, parts[0], 0);
    }
    int magnitude = 0;
    int group = 0;
    for (int from = 0; from < elements; from += groupElements) {
      int length = Math.min(groupElements, elements - from);
      long offset = sourceOffset + 4L * from;
      int found = extent == Extent.ROW
          ? quantizeRow(source, offset, length, parts, from, group)
          : quantizeBand(source, offset, groupElements / TILE, length, parts, from, group);
      magnitude = Math.max(magnitude, found);
      group++;
    }
    return magnitude;
  }

  private int quantizeRow(
      MemorySegment source, long offset, int length, MemorySegment[] parts, int to, int row) {
    int magnitude = magnitude(source, offset, length);
    float scale = scale(type, Float.intBitsToFloat(magnitude));
    parts[1].set(JAVA_FLOAT_UNALIGNED, 4L * row, scale);
    cast(source, offset, length, scale, parts[0], to);
    return magnitude;
  }

  private int quantizeBand(
      MemorySegment source,
      long offset,
      int columns,
      int length,
      MemorySegment[] parts,
      int to,
      int band) {
    int rows = length / columns;
    int tiles = (columns + TILE - 1) / TILE;
    int[] greatest = new int[tiles];
    magnitudes(source, offset, columns, rows, greatest);
    float[] scales = new float[tiles];
    int magnitude = 0;
    for (int tile = 0; tile < tiles; tile++) {
      scales[tile] = scale(type, Float.intBitsToFloat(greatest[tile]));
      parts[1].set(JAVA_FLOAT_UNALIGNED, 4L * ((long) band * tiles + tile), scales[tile]);
      magnitude = Math.max(magnitude, greatest[tile]);
    }
    castTiles(source, offset, columns, rows, scales, parts[0], to);
    return magnitude;
  }

  /** The columns of a tile, of which the last one may be narrower. */
  static int tileColumns(int tile, int columns) {
    return Math.min(TILE, columns - tile * TILE);
  }

  @Override
  public final void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    if (extent == Extent.TENSOR) {
      float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, 0);
      widen(parts[0], 0, elements, scale, target, targetOffset);
      return;
    }
    int group = 0;
    for (int from = 0; from < elements; from += groupElements) {
      int length = Math.min(groupElements, elements - from);
      if (extent == Extent.ROW) {
        float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * group);
        widen(parts[0], from, length, scale, target, targetOffset + 4L * from);
      } else {
        dequantizeBand(parts, from, groupElements / TILE, length, group, target, targetOffset);
      }
      group++;
    }
  }

  private void dequantizeBand(
      MemorySegment[] parts,
      int from,
      int columns,
      int length,
      int band,
      MemorySegment target,
      long targetOffset) {
    int tiles = (columns + TILE - 1) / TILE;
    for (int row = 0; row < length / columns; row++) {
      for (int tile = 0; tile < tiles; tile++) {
        long at = from + (long) row * columns + (long) tile * TILE;
        float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * ((long) band * tiles + tile));
        widen(parts[0], at, tileColumns(tile, columns), scale, target, targetOffset + 4 * at);
      }
    }
  }
}
