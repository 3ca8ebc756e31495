package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.batch.wire.Span;
import java.lang.foreign.MemorySegment;

/** A span as a client wrote it, not checked yet; read anew for each submission. */
final class SpanRef {
  private int region;
  private int generation;
  private long byteOffset;
  private long byteLength;

  /** Takes over what a client wrote, from private memory. */
  void read(MemorySegment segment, long at) {
    region = Span.region(segment, at);
    generation = Span.generation(segment, at);
    byteOffset = Span.byteOffset(segment, at);
    byteLength = Span.byteLength(segment, at);
  }

  int region() {
    return region;
  }

  int generation() {
    return generation;
  }

  long byteOffset() {
    return byteOffset;
  }

  long byteLength() {
    return byteLength;
  }

  boolean isNone() {
    return (region | generation | byteOffset | byteLength) == 0;
  }

  void requireWithin(long regionBytes) {
    if (byteOffset < 0
        || byteLength < 0
        || byteOffset > regionBytes
        || byteLength > regionBytes - byteOffset) {
      throw new ProtocolException(
          ErrorCode.OFFSET_OVERFLOW,
          "the span of " + Long.toUnsignedString(byteLength) + " bytes at byte "
              + Long.toUnsignedString(byteOffset) + " leaves region "
              + Integer.toUnsignedString(region) + " of " + regionBytes + " bytes");
    }
  }
}
