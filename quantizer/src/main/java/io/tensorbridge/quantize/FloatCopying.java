package io.tensorbridge.quantize;

import io.tensorbridge.op.OpRun;
import java.lang.foreign.MemorySegment;

/** Hands out the values of a source as they are. */
record FloatCopying(FloatSource source, PartSink sink) implements OpRun {
  @Override
  public int chunkCount(int phase) {
    return Math.toIntExact(Math.ceilDiv(source.elementCount(), Scratch.CHUNK_ELEMENTS));
  }

  @Override
  public void runChunk(int phase, int chunk) {
    long first = (long) chunk * Scratch.CHUNK_ELEMENTS;
    int count = (int) Math.min(Scratch.CHUNK_ELEMENTS, source.elementCount() - first);
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment values = source.read(first, count, scratch);
      sink.write(0, first * Float.BYTES, values);
    }
  }
}
