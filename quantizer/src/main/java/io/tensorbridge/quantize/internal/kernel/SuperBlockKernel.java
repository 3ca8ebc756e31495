package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** Quantizes to a K type of ggml, tile by tile, with or without importances. */
abstract class SuperBlockKernel implements BlockKernel, ImportanceKernel {
  /**
   * The work arrays of a run, and how they are used.
   *
   * @param weighted whether the run has importances
   */
  abstract SuperBlockTile newTile(boolean weighted);

  @Override
  public final int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    return newTile(false).run(source, sourceOffset, target, targetOffset, blocks);
  }

  @Override
  public final int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment importance,
      long importanceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    return newTile(true)
        .run(source, sourceOffset, importance, importanceOffset, target, targetOffset, blocks);
  }
}
