package io.tensorbridge.quantize;

import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.internal.kernel.BlockFormat;
import io.tensorbridge.quantize.internal.kernel.BlockKernel;
import io.tensorbridge.quantize.internal.kernel.ImportanceKernel;
import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Quantizes to a format whose blocks all have the same size: a chunk is a run of blocks. */
final class BlockQuantizing implements OpRun {
  private final BlockFormat format;
  private final float clipLimit;
  private final NonFinite nonFinite;
  private final @Nullable Importance importance;
  private final FloatSource source;
  private final Output output;
  private final KernelChoice<BlockKernel> choice;
  private final int chunkBlocks;
  private final long blocks;

  /**
   * A run.
   *
   * @param clipLimit what clipped infinities become; 0 for the magnitude of their block
   * @param importance only for formats that take it
   */
  BlockQuantizing(
      BlockFormat format,
      float clipLimit,
      NonFinite nonFinite,
      @Nullable Importance importance,
      FloatSource source,
      Output output) {
    this.format = format;
    this.clipLimit = clipLimit;
    this.nonFinite = nonFinite;
    this.importance = importance;
    this.source = source;
    this.output = output;
    this.choice = Kernels.shared().quantizing(format);
    this.chunkBlocks = Scratch.CHUNK_ELEMENTS / format.blockElements();
    this.blocks = source.elementCount() / format.blockElements();
  }

  @Override
  public int chunkCount(int phase) {
    return Math.toIntExact(Math.ceilDiv(blocks, chunkBlocks));
  }

  @Override
  public void runChunk(int phase, int chunk) {
    long first = (long) chunk * chunkBlocks;
    int count = (int) Math.min(chunkBlocks, blocks - first);
    int elements = count * format.blockElements();
    long from = first * format.blockElements();
    long byteOffset = first * format.blockBytes();
    try (KernelChoice.Use<BlockKernel> use = choice.begin(elements);
        Scratch scratch = Scratch.borrow()) {
      BlockKernel kernel = use.kernel();
      MemorySegment values = source.read(from, elements, scratch);
      long byteLength = (long) count * format.blockBytes();
      MemorySegment target = output.claim(0, byteOffset, byteLength, scratch);
      int magnitude = quantize(kernel, values, from, target, count);
      if (magnitude >= BlockKernel.INFINITE_BITS) {
        values = clipped(from, elements, scratch);
        quantize(kernel, values, from, target, count);
      }
      output.commit(0, byteOffset, target);
      output.quantized(chunk, from, values, scratch);
    }
  }

  private int quantize(
      BlockKernel kernel, MemorySegment values, long from, MemorySegment target, int count) {
    if (importance == null) {
      return kernel.quantize(values, 0, target, 0, count);
    }
    return ((ImportanceKernel) kernel)
        .quantize(
            values, 0, importance.memory(), importance.offset(from), target, 0, count);
  }

  private MemorySegment clipped(long from, int elements, Scratch scratch) {
    if (nonFinite == NonFinite.ERROR) {
      throw source.nonFinite(scratch);
    }
    MemorySegment values = source.readToChange(from, elements, scratch);
    if (clipLimit == 0) {
      Clipping.clipGroups(values, elements, format.blockElements());
    } else {
      Clipping.clip(values, 0, elements, clipLimit);
    }
    return values;
  }
}
