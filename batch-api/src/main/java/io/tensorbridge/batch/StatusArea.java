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
 * The status area of one submission after the other, written by the server only. Progress may be told
 * by any thread, everything else by one at a time.
 */
final class StatusArea {
  private static final int TEXT_ALIGNMENT = 8;

  private RegisteredRegion region;
  private MemorySegment memory;
  /** Where the area begins in {@link #memory}; other offsets count from here. */
  private long base;
  private long byteLength;
  /** Where the next text goes; beyond the end of the area once one did not fit. */
  private long textAt;

  /**
   * The area in a span.
   *
   * @param span of a status area
   * @param region the span's, which it does not leave
   * @throws ProtocolException if it is misaligned or has no room for a head
   */
  StatusArea(SpanRef span, RegisteredRegion region) {
    this.region = region;
    this.memory = region.memory();
    move(span, region);
  }

  /**
   * Goes to another area; what {@link #StatusArea} says holds here, too.
   *
   * @param span of a status area
   * @param newRegion the span's, which it does not leave
   */
  void move(SpanRef span, RegisteredRegion newRegion) {
    if (span.byteOffset() % StatusLayout.ALIGNMENT != 0
        || span.byteLength() % StatusLayout.ALIGNMENT != 0) {
      throw new ProtocolException(
          ErrorCode.MISALIGNED, "offset and length of a status area are multiples of 64");
    }
    if (span.byteLength() < StatusLayout.HEADER_BYTES) {
      throw new ProtocolException(ErrorCode.BAD_LENGTH, "a status area has at least 64 bytes");
    }
    region = newRegion;
    memory = newRegion.memory();
    base = span.byteOffset();
    byteLength = span.byteLength();
    textAt = StatusLayout.HEADER_BYTES;
  }

  /** The region in which the area lies. */
  RegisteredRegion region() {
    return region;
  }

  /** The memory in which the area lies somewhere. */
  MemorySegment memory() {
    return memory;
  }

  /**
   * Writes the head. The items are not touched: whoever writes them all before anybody looks needs no
   * zeroes.
   *
   * @param itemCount number of items
   * @param totalBytes work in all
   * @throws ProtocolException if the area is too small
   */
  void begin(int itemCount, long totalBytes) {
    long textBegin = StatusLayout.byteLength(itemCount);
    if (textBegin > byteLength) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH,
          "a status area for " + itemCount + " items has at least " + textBegin + " bytes, not "
              + byteLength);
    }
    StatusLayout.begin(memory, base, totalBytes, itemCount);
    textAt = textBegin;
  }

  /** Zeroes the items and their values; after {@link #begin}, before the first text. */
  void zeroItems() {
    memory
        .asSlice(base + StatusLayout.HEADER_BYTES, textAt - StatusLayout.HEADER_BYTES)
        .fill((byte) 0);
  }

  /** Zeroes the value of an item. */
  void zeroValue(int item) {
    StatusLayout.zeroValue(memory, StatusLayout.itemOffset(base, item));
  }

  /** Where the value of an item lies in {@link #memory()}. */
  long valueOffset(int item) {
    return StatusLayout.valueOffset(base, item);
  }

  MemorySegment value(int item) {
    return memory.asSlice(valueOffset(item), StatusLayout.VALUE_BYTES);
  }

  void progressed(long doneBytes) {
    StatusLayout.storeDoneBytes(memory, base, doneBytes);
  }

  void ran(long runNanos) {
    StatusLayout.writeRunNanos(memory, base, runNanos);
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
    long missing = length - (byteLength - textAt);
    if (missing > 0) {
      write(item, ErrorCode.NEEDS_SPACE, missing, 0, 0);
    } else {
      plan.write(memory, base + textAt);
      write(item, code, -1, textAt, (int) length);
    }
    take(length);
  }

  /** Tells why the submission was refused as a whole. */
  void refused(BridgeException failure) {
    StatusLayout.begin(memory, base, 0, 0);
    textAt = StatusLayout.HEADER_BYTES;
    byte[] text = Utf8.encode(failure.getMessage(), room());
    writeText(text);
    StatusLayout.writeText(memory, base, text.length == 0 ? 0 : textAt, text.length);
  }

  private void writeText(byte[] text) {
    if (text.length > 0) {
      Utf8.write(memory, base + textAt, text);
    }
  }

  private long room() {
    return Math.max(0, byteLength - textAt);
  }

  private void take(long length) {
    textAt += (length + TEXT_ALIGNMENT - 1) & -TEXT_ALIGNMENT;
  }

  private void write(int item, ErrorCode code, long elementIndex, long textOffset, int length) {
    StatusLayout.writeItem(
        memory,
        StatusLayout.itemOffset(base, item),
        code.number(),
        elementIndex,
        length == 0 ? 0 : textOffset,
        length);
  }
}
