package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.batch.wire.Span;
import java.lang.foreign.MemorySegment;

/** A span as a client wrote it: not checked yet. */
record SpanRef(int region, int generation, long byteOffset, long byteLength) {
  private static final SpanRef NONE = new SpanRef(0, 0, 0, 0);

  static SpanRef read(MemorySegment segment, long at) {
    return Span.isZero(segment, at)
        ? NONE
        : new SpanRef(
            Span.region(segment, at),
            Span.generation(segment, at),
            Span.byteOffset(segment, at),
            Span.byteLength(segment, at));
  }

  boolean isNone() {
    return equals(NONE);
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
