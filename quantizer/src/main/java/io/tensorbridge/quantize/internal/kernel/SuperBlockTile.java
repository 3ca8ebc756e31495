package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Quantizes four super-blocks at a time, in arrays that stay in the first-level cache; one for each
 * run, since kernels are stateless.
 */
abstract class SuperBlockTile {
  /** Super-blocks in a tile; missing ones at the end of a run are zeros. */
  static final int BLOCKS = 4;

  static final int ELEMENTS = BLOCKS * SuperBlock.ELEMENTS;

  /** The values, super-block by super-block. */
  final float[] values = new float[ELEMENTS];

  /** The importances of the values; empty if the run has none. */
  final float[] importances;

  /** Receives the blocks. */
  final byte[] bytes;

  private final int[] rawBits = new int[ELEMENTS];
  private final int blockBytes;

  SuperBlockTile(int blockBytes, boolean weighted) {
    this.blockBytes = blockBytes;
    this.importances = new float[weighted ? ELEMENTS : 0];
    this.bytes = new byte[BLOCKS * blockBytes];
  }

  /**
   * Quantizes the values to {@link #bytes}.
   *
   * @param blocks super-blocks that count, at most {@link #BLOCKS}
   */
  abstract void quantize(int blocks);

  /** As {@link BlockKernel#quantize}. */
  final int run(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int magnitude = 0;
    for (int done = 0; done < blocks; done += BLOCKS) {
      int count = Math.min(BLOCKS, blocks - done);
      magnitude = Math.max(magnitude, load(source, sourceOffset, done, count));
      quantize(count);
      store(target, targetOffset, done, count);
    }
    return magnitude;
  }

  /** As {@link ImportanceKernel#quantize}. */
  final int run(
      MemorySegment source,
      long sourceOffset,
      MemorySegment importance,
      long importanceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int magnitude = 0;
    for (int done = 0; done < blocks; done += BLOCKS) {
      int count = Math.min(BLOCKS, blocks - done);
      magnitude = Math.max(magnitude, load(source, sourceOffset, done, count));
      long from = importanceOffset + 4L * done * SuperBlock.ELEMENTS;
      Strip.load(importance, from, importances, count * SuperBlock.ELEMENTS);
      quantize(count);
      store(target, targetOffset, done, count);
    }
    return magnitude;
  }

  private int load(MemorySegment source, long sourceOffset, int done, int count) {
    int elements = count * SuperBlock.ELEMENTS;
    long from = sourceOffset + 4L * done * SuperBlock.ELEMENTS;
    Strip.load(source, from, values, elements);
    Arrays.fill(values, elements, ELEMENTS, 0);
    Strip.load(source, from, rawBits, elements);
    return Strip.magnitude(rawBits, elements);
  }

  private void store(MemorySegment target, long targetOffset, int done, int count) {
    long to = targetOffset + (long) done * blockBytes;
    MemorySegment.copy(bytes, 0, target, JAVA_BYTE, to, count * blockBytes);
  }
}
