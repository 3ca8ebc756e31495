package io.tensorbridge.batch;

import io.tensorbridge.batch.wire.Span;
import java.lang.foreign.MemorySegment;

/** A piece of a region as a submission names it; {@link #NONE} where a kind has no use for it. */
record WireSpan(int region, int generation, long byteOffset, long byteLength) {
  static final WireSpan NONE = new WireSpan(0, 0, 0, 0);

  void write(MemorySegment segment, long at) {
    Span.write(segment, at, region, generation, byteOffset, byteLength);
  }
}
