package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.TensorLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A batch that has passed every check but that of its output span. {@link BatchBinder} fills it; it
 * does not change once it runs, and may then run again and again.
 */
final class BoundBatch {
  private static final int SPAN_ALIGNMENT = 64;
  private static final int LEAST_ITEMS = 8;
  private static final int KEPT_ITEMS = 1 << 13;

  private String operation = "";
  private boolean continueOnError;
  private int threads;
  private BoundItem[] items = new BoundItem[LEAST_ITEMS];
  private int size;
  private boolean readsFiles;
  private long workBytes;
  private long inputBytes;
  private long outputBytes;
  private boolean hasOutputs;
  /** Whether every output is relative and begins where those before it have ended, or later. */
  private boolean inOrder;
  private long relativeEnd;

  /**
   * Begins to fill a batch, in place of the one that was here.
   *
   * @param newOperation its name
   * @param newContinueOnError whether a failed item leaves the others running
   * @param newThreads workers at once, 0 for all
   */
  void begin(String newOperation, boolean newContinueOnError, int newThreads) {
    clear();
    operation = newOperation;
    continueOnError = newContinueOnError;
    threads = newThreads;
    readsFiles = false;
    workBytes = 0;
    inputBytes = 0;
    outputBytes = 0;
    hasOutputs = false;
    inOrder = true;
    relativeEnd = -1;
  }

  /** Lets the items go. */
  void clear() {
    if (items.length > KEPT_ITEMS) {
      items = new BoundItem[LEAST_ITEMS];
    } else {
      Arrays.fill(items, 0, size, null);
    }
    size = 0;
  }

  /** Adds the next item. */
  void add(BoundItem item) {
    if (size == items.length) {
      items = Arrays.copyOf(items, 2 * size);
    }
    items[size++] = item;
    workBytes += Math.min(item.workBytes(), Long.MAX_VALUE - workBytes);
    ItemPlaces places = item.places();
    // Broadcast strides make a tensor of any size out of few bytes.
    inputBytes += Math.min(places.inputBytes(), Long.MAX_VALUE - inputBytes);
    outputBytes += Math.min(places.outputBytes(), Long.MAX_VALUE - outputBytes);
    readsFiles |= places.readsFiles();
    List<Extent> outputs = places.outputs();
    for (int i = 0; i < outputs.size(); i++) {
      addOutput(outputs.get(i));
    }
  }

  private void addOutput(Extent output) {
    hasOutputs = true;
    if (output.isRelative()) {
      inOrder &= output.begin() >= relativeEnd || output.begin() == output.end();
      relativeEnd = Math.max(relativeEnd, output.end());
    } else {
      inOrder = false;
    }
  }

  /**
   * Ends the filling.
   *
   * @throws ProtocolException {@link ErrorCode#OUTPUT_OVERLAP} if outputs overlap
   */
  void requireApart() {
    // Outputs in order are apart, and relative ones touch an input only by their span.
    if (hasOutputs && !inOrder) {
      Extent.requireApart(extents());
    }
  }

  private List<Extent> extents() {
    List<Extent> extents = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      extents.addAll(items[i].places().inputs());
      extents.addAll(items[i].places().outputs());
    }
    return extents;
  }

  /** The same batch, for a reader who keeps it while this one is filled anew. */
  BoundBatch copy() {
    BoundBatch copy = new BoundBatch();
    copy.begin(operation, continueOnError, threads);
    copy.items = Arrays.copyOf(items, size);
    copy.size = size;
    copy.readsFiles = readsFiles;
    copy.workBytes = workBytes;
    copy.inputBytes = inputBytes;
    copy.outputBytes = outputBytes;
    copy.hasOutputs = hasOutputs;
    copy.inOrder = inOrder;
    copy.relativeEnd = relativeEnd;
    return copy;
  }

  /** Takes leases on the regions of all items. */
  void leaseFor(LeaseSet leases) {
    for (int i = 0; i < size; i++) {
      List<RegisteredRegion> regions = items[i].places().regions();
      for (int k = 0; k < regions.size(); k++) {
        regions.get(k).leaseFor(leases);
      }
    }
  }

  String operation() {
    return operation;
  }

  /** Whether a failed item leaves the others running. */
  boolean continueOnError() {
    return continueOnError;
  }

  /** Workers at once, 0 for all. */
  int threads() {
    return threads;
  }

  /** The number of items. */
  int size() {
    return size;
  }

  BoundItem item(int index) {
    return items[index];
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

  /** Whether an output lies in the submission's output span. */
  boolean needsSpan() {
    return relativeEnd >= 0;
  }

  /**
   * Checks a span for the relative outputs.
   *
   * @param span within its region
   * @throws ProtocolException if it is missing, too small, misaligned, or overlaps a tensor
   */
  void requireOutputSpan(SpanRef span) {
    if (!needsSpan()) {
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
    for (int i = 0; i < size; i++) {
      ItemPlaces places = items[i].places();
      if (touches(places.inputs(), span) || touches(places.outputs(), span)) {
        requireApartIn(span);
        return;
      }
    }
  }

  private boolean touches(List<Extent> extents, SpanRef span) {
    for (int i = 0; i < extents.size(); i++) {
      Extent extent = extents.get(i);
      if (!extent.isRelative() && extent.touches(span, relativeEnd)) {
        return true;
      }
    }
    return false;
  }

  private void requireApartIn(SpanRef span) {
    List<Extent> placed = extents();
    placed.replaceAll(extent -> extent.isRelative() ? extent.movedTo(span) : extent);
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
