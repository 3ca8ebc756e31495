package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.batch.wire.TensorDescriptor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * The bytes from a tensor's first to its last element.
 *
 * @param region where they lie
 * @param begin first byte, inclusive
 * @param end last byte, exclusive
 * @param output whether they are written
 */
record Extent(int region, long begin, long end, boolean output) {
  private static final Comparator<Extent> BY_PLACE =
      Comparator.comparingInt(Extent::region).thenComparingLong(Extent::begin);

  /** The extent of a tensor whose elements are proven to lie within its region. */
  static Extent of(int region, TensorLayout layout, boolean output) {
    long begin = layout.byteOffset();
    long end = begin + layout.dtype().byteSize();
    if (layout.shape().elementCount() == 0) {
      return new Extent(region, begin, begin, output);
    }
    for (int i = 0; i < layout.shape().rank(); i++) {
      long reach = (layout.shape().dimension(i) - 1) * layout.byteStride(i);
      begin += Math.min(reach, 0);
      end += Math.max(reach, 0);
    }
    return new Extent(region, begin, end, output);
  }

  boolean isRelative() {
    return region == TensorDescriptor.RELATIVE;
  }

  /** Whether an extent in a region has bytes among the first ones of a span. */
  boolean touches(SpanRef span, long length) {
    return region == span.region()
        && begin < span.byteOffset() + length
        && end > span.byteOffset();
  }

  /** The extent of a relative output once its span is known. */
  Extent movedTo(SpanRef span) {
    return new Extent(
        span.region(), begin + span.byteOffset(), end + span.byteOffset(), output);
  }

  /**
   * Checks that outputs overlap neither each other nor an input.
   *
   * @param extents in any order; empty ones overlap nothing
   * @throws ProtocolException {@link ErrorCode#OUTPUT_OVERLAP} if two do
   */
  static void requireApart(List<Extent> extents) {
    Extent[] sorted = extents.toArray(new Extent[0]);
    Arrays.sort(sorted, BY_PLACE);
    int region = 0;
    long written = 0;
    long used = 0;
    for (Extent extent : sorted) {
      if (extent.region != region) {
        region = extent.region;
        written = 0;
        used = 0;
      }
      if (extent.begin < extent.end) {
        if (extent.begin < (extent.output ? used : written)) {
          throw overlap(extent);
        }
        used = Math.max(used, extent.end);
        written = extent.output ? Math.max(written, extent.end) : written;
      }
    }
  }

  private static ProtocolException overlap(Extent extent) {
    return new ProtocolException(
        ErrorCode.OUTPUT_OVERLAP,
        (extent.output ? "an output" : "an input") + " of bytes " + extent.begin + " to "
            + extent.end + " of region " + Integer.toUnsignedString(extent.region)
            + " overlaps another tensor, and one of them is an output");
  }
}
