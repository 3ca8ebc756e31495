package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.TensorLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A batch that has passed every check but that of its output span; immutable, so that a prepared one
 * runs again and again.
 */
final class BoundBatch {
  private static final int SPAN_ALIGNMENT = 64;

  private final DecodedBatch source;
  private final List<BoundItem> items;
  private final List<Extent> extents;
  private final LeaseSet leases;
  private final boolean readsFiles;
  private final long workBytes;
  private final long inputBytes;
  private final long outputBytes;
  private final long relativeEnd;

  /**
   * A bound batch.
   *
   * @param source what the client wrote
   * @param items its items
   * @param extents of all tensors if there are outputs, else empty; a relative one has region -1
   * @param leases on the regions of the tensors
   * @param readsFiles whether any of these regions is a file
   */
  BoundBatch(
      DecodedBatch source,
      List<BoundItem> items,
      List<Extent> extents,
      LeaseSet leases,
      boolean readsFiles) {
    this.source = source;
    this.items = items;
    this.extents = extents;
    this.leases = leases;
    this.readsFiles = readsFiles;
    long work = 0;
    long read = 0;
    long written = 0;
    for (BoundItem item : items) {
      work += Math.min(item.workBytes(), Long.MAX_VALUE - work);
      // Broadcast strides make a tensor of any size out of few bytes.
      read += Math.min(item.inputBytes(), Long.MAX_VALUE - read);
      written += Math.min(item.outputBytes(), Long.MAX_VALUE - written);
    }
    workBytes = work;
    inputBytes = read;
    outputBytes = written;
    long end = -1;
    for (Extent extent : extents) {
      if (extent.isRelative()) {
        end = Math.max(end, extent.end());
      }
    }
    relativeEnd = end;
  }

  DecodedBatch source() {
    return source;
  }

  List<BoundItem> items() {
    return items;
  }

  LeaseSet leases() {
    return leases;
  }

  /** Whether an item reads a file, and so may wait for a disk or meet a truncation. */
  boolean readsFiles() {
    return readsFiles;
  }

  /** The work of all items. */
  long workBytes() {
    return workBytes;
  }

  /** The bytes of all tensors that are read. */
  long inputBytes() {
    return inputBytes;
  }

  /** The bytes of all tensors that are written. */
  long outputBytes() {
    return outputBytes;
  }

  /**
   * Checks a span for the relative outputs.
   *
   * @param span within its region
   * @throws ProtocolException if it is missing, too small, misaligned, or overlaps a tensor
   */
  void requireOutputSpan(SpanRef span) {
    if (relativeEnd < 0) {
      return;
    }
    if (span.isNone() || relativeEnd > span.byteLength()) {
      throw new ProtocolException(
          ErrorCode.OFFSET_OVERFLOW,
          "the relative outputs end at byte " + relativeEnd + ", but the output span has "
              + span.byteLength() + " bytes");
    }
    if (span.byteOffset() % SPAN_ALIGNMENT != 0) {
      throw new ProtocolException(
          ErrorCode.MISALIGNED,
          "the output span begins at byte " + span.byteOffset() + ", no multiple of "
              + SPAN_ALIGNMENT);
    }
    for (Extent extent : extents) {
      if (!extent.isRelative() && extent.touches(span, relativeEnd)) {
        requireApartIn(span);
        return;
      }
    }
  }

  private void requireApartIn(SpanRef span) {
    List<Extent> placed = new ArrayList<>(extents.size());
    for (Extent extent : extents) {
      placed.add(extent.isRelative() ? extent.movedTo(span) : extent);
    }
    Extent.requireApart(placed);
  }

  /** Checks that an output begins where its elements may lie. */
  static void requireAligned(TensorLayout output) {
    int size = output.dtype().byteSize();
    if (output.byteOffset() % size != 0) {
      throw new ProtocolException(
          ErrorCode.MISALIGNED,
          "an output of " + output.dtype() + " begins at byte " + output.byteOffset()
              + ", no multiple of " + size);
    }
  }
}
