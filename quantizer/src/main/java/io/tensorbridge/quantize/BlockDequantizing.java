package io.tensorbridge.quantize;

import io.tensorbridge.quantize.internal.kernel.BlockFormat;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.lang.foreign.MemorySegment;

/** Dequantizes a format whose blocks all have the same size: a chunk is a run of blocks. */
final class BlockDequantizing implements DequantizingRun {
  private final BlockFormat format;
  private final StoredBytes data;
  private final Output output;
  private final int chunkBlocks;
  private final long blocks;

  BlockDequantizing(BlockFormat format, long elements, StoredBytes data, Output output) {
    this.format = format;
    this.data = data;
    this.output = output;
    this.chunkBlocks = Scratch.CHUNK_ELEMENTS / format.blockElements();
    this.blocks = elements / format.blockElements();
  }

  @Override
  public int chunkCount(int phase) {
    return Math.toIntExact(Math.ceilDiv(blocks, chunkBlocks));
  }

  @Override
  public long firstElement(int chunk) {
    return Math.min((long) chunk * chunkBlocks, blocks) * format.blockElements();
  }

  @Override
  public void runChunk(int phase, int chunk) {
    long first = (long) chunk * chunkBlocks;
    int count = (int) Math.min(chunkBlocks, blocks - first);
    int elements = count * format.blockElements();
    long byteOffset = first * format.blockElements() * Float.BYTES;
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment bytes =
          data.read(first * format.blockBytes(), count * format.blockBytes(), scratch);
      MemorySegment values =
          output.claim(0, byteOffset, (long) elements * Float.BYTES, scratch);
      Kernels.shared()
          .dequantizing(format)
          .forWork(elements)
          .dequantize(bytes, 0, values, 0, count);
      output.commit(0, byteOffset, values);
    }
  }
}
