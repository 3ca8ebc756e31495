package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.TensorException;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.batch.wire.StatusLayout;
import io.tensorbridge.batch.wire.Utf8;
import java.lang.foreign.MemorySegment;

/**
 * The status area of one submission, written by the server only. Progress may be told by any thread,
 * everything else by one at a time.
 */
final class StatusArea {
  private static final int TEXT_ALIGNMENT = 8;

  private final MemorySegment area;
  /** Where the next text goes; beyond the end of the area once one did not fit. */
  private long textAt = StatusLayout.HEADER_BYTES;

  /**
   * The area in a span.
   *
   * @param span of a status area
   * @param area the memory of that span
   * @throws ProtocolException if it is misaligned or has no room for a head
   */
  StatusArea(SpanRef span, MemorySegment area) {
    if (span.byteOffset() % StatusLayout.ALIGNMENT != 0
        || span.byteLength() % StatusLayout.ALIGNMENT != 0) {
      throw new ProtocolException(
          ErrorCode.MISALIGNED, "offset and length of a status area are multiples of 64");
    }
    if (span.byteLength() < StatusLayout.HEADER_BYTES) {
      throw new ProtocolException(ErrorCode.BAD_LENGTH, "a status area has at least 64 bytes");
    }
    this.area = area;
  }

  /**
   * Writes the head and zeroes the items.
   *
   * @param itemCount number of items
   * @param totalBytes work in all
   * @throws ProtocolException if the area is too small
   */
  void begin(int itemCount, long totalBytes) {
    long textBegin = StatusLayout.byteLength(itemCount);
    if (textBegin > area.byteSize()) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH,
          "a status area for " + itemCount + " items has at least " + textBegin + " bytes, not "
              + area.byteSize());
    }
    StatusLayout.begin(area, 0, totalBytes, itemCount);
    area.asSlice(StatusLayout.HEADER_BYTES, textBegin - StatusLayout.HEADER_BYTES).fill((byte) 0);
    textAt = textBegin;
  }

  MemorySegment value(int item) {
    return area.asSlice(StatusLayout.valueOffset(0, item), StatusLayout.VALUE_BYTES);
  }

  void progressed(long doneBytes) {
    StatusLayout.storeDoneBytes(area, 0, doneBytes);
  }

  void ran(long runNanos) {
    StatusLayout.writeRunNanos(area, 0, runNanos);
  }

  void done(int item) {
    write(item, ErrorCode.OK, -1, 0, 0);
  }

  void failed(int item, BridgeException failure) {
    boolean ofTensor = failure instanceof TensorException;
    String reason = ofTensor ? ((TensorException) failure).reason() : failure.getMessage();
    long elementIndex = ofTensor ? ((TensorException) failure).elementIndex() : -1;
    byte[] text = Utf8.encode(reason, room());
    writeText(text);
    write(item, failure.code(), elementIndex, textAt, text.length);
    take(text.length);
  }

  /**
   * Writes a plan record.
   *
   * @param item index of the item
   * @param code what it says if the record fits
   * @param plan the record
   */
  void plan(int item, ErrorCode code, PlanRecord plan) {
    long length = plan.byteLength();
    long missing = length - (area.byteSize() - textAt);
    if (missing > 0) {
      write(item, ErrorCode.NEEDS_SPACE, missing, 0, 0);
    } else {
      plan.write(area, textAt);
      write(item, code, -1, textAt, (int) length);
    }
    take(length);
  }

  /** Tells why the submission was refused as a whole. */
  void refused(BridgeException failure) {
    StatusLayout.begin(area, 0, 0, 0);
    textAt = StatusLayout.HEADER_BYTES;
    byte[] text = Utf8.encode(failure.getMessage(), room());
    writeText(text);
    StatusLayout.writeText(area, 0, text.length == 0 ? 0 : textAt, text.length);
  }

  private void writeText(byte[] text) {
    if (text.length > 0) {
      Utf8.write(area, textAt, text);
    }
  }

  private long room() {
    return Math.max(0, area.byteSize() - textAt);
  }

  private void take(long length) {
    textAt += (length + TEXT_ALIGNMENT - 1) & -TEXT_ALIGNMENT;
  }

  private void write(int item, ErrorCode code, long elementIndex, long textOffset, int length) {
    StatusLayout.writeItem(
        area,
        StatusLayout.itemOffset(0, item),
        code.number(),
        elementIndex,
        length == 0 ? 0 : textOffset,
        length);
  }
}
