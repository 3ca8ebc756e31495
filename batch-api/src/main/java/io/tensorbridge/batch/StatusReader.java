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
 * Reads a status area. The server is trusted with what it says but not with where: texts are
 * checked against the area and copied before they are used.
 */
final class StatusReader {
  /** Room for the plan record of an item whose outputs may be known only at its end. */
  static final long RECORD_BYTES = 256;

  private static final long TEXT_BYTES_PER_ITEM = 128;
  private static final long MIN_TEXT_BYTES = 1 << 10;
  private static final long MAX_TEXT_BYTES = 1 << 16;

  private final MemorySegment area;

  StatusReader(MemorySegment area) {
    this.area = area;
  }

  /**
   * The size of an area with room for the texts of some failures.
   *
   * @param recordBytes room for plan records besides
   */
  static long byteLength(int itemCount, long recordBytes) {
    long texts = Math.clamp(TEXT_BYTES_PER_ITEM * itemCount, MIN_TEXT_BYTES, MAX_TEXT_BYTES);
    return padded(StatusLayout.byteLength(itemCount) + texts + recordBytes);
  }

  private static long padded(long length) {
    return (length + StatusLayout.ALIGNMENT - 1) & -StatusLayout.ALIGNMENT;
  }

  /** Wipes what an earlier batch left in the head, so that progress begins at 0. */
  void clear() {
    area.asSlice(0, StatusLayout.HEADER_BYTES).fill((byte) 0);
  }

  ErrorCode code(int item) {
    return ErrorCode.ofNumber(StatusLayout.code(area, itemAt(item)));
  }

  long elementIndex(int item) {
    return StatusLayout.elementIndex(area, itemAt(item));
  }

  MemorySegment value(int item) {
    return area.asSlice(StatusLayout.valueOffset(0, item), StatusLayout.VALUE_BYTES).asReadOnly();
  }

  /** The plan of an item that was planned or waits for space. */
  PlanRecord plan(int item) {
    long at = itemAt(item);
    return PlanRecord.read(
        privateCopy(StatusLayout.itemTextOffset(area, at), StatusLayout.itemTextLength(area, at)));
  }

  /** How much of the work is done, from 0 to 1. */
  double progress() {
    long total = StatusLayout.totalBytes(area, 0);
    return total <= 0 ? 0 : Math.clamp((double) StatusLayout.doneBytes(area, 0) / total, 0.0, 1.0);
  }

  /** Why a submission was refused as a whole. */
  BridgeException refusal(ErrorCode code) {
    String text = text(StatusLayout.textOffset(area, 0), StatusLayout.textLength(area, 0));
    return BridgeException.of(code, text.isEmpty() ? "the server answered " + code : text);
  }

  /** Why an item failed, with its name. */
  BridgeException failure(int item, ErrorCode code, String name) {
    long at = itemAt(item);
    String text =
        text(StatusLayout.itemTextOffset(area, at), StatusLayout.itemTextLength(area, at));
    String reason = text.isEmpty() ? "the server answered " + code : text;
    String prefix = "tensor \"" + name + "\": ";
    if (reason.startsWith(prefix)) {
      reason = reason.substring(prefix.length());
    }
    return switch (BridgeException.of(code, prefix + reason)) {
      case TensorException tensor ->
          new TensorException(code, name, elementIndex(item), reason, null);
      case BridgeException other -> other;
    };
  }

  private String text(long offset, long length) {
    MemorySegment bytes = privateCopy(offset, length);
    return Utf8.decode(bytes, 0, bytes.byteSize());
  }

  private MemorySegment privateCopy(long offset, long length) {
    if (length == 0) {
      return MemorySegment.ofArray(new byte[0]);
    }
    if (offset < 0 || offset > area.byteSize() || length > area.byteSize() - offset) {
      throw new ProtocolException(
          ErrorCode.OFFSET_OVERFLOW, "a text of the server leaves the status area");
    }
    byte[] copy = new byte[(int) length];
    MemorySegment target = MemorySegment.ofArray(copy);
    target.copyFrom(area.asSlice(offset, length));
    return target;
  }

  private static long itemAt(int item) {
    return StatusLayout.itemOffset(0, item);
  }
}
