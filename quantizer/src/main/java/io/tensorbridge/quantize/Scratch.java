package io.tensorbridge.quantize;

import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * Native memory for one chunk in work, sized so that a chunk stays in the second-level cache. It is
 * pooled, because new pages cost more than the work on them.
 */
final class Scratch implements AutoCloseable {
  /** Elements of a chunk: 256 KiB of float32. */
  static final int CHUNK_ELEMENTS = 64 << 10;

  /** A quantized tensor has at most so many parts. */
  static final int MAX_PARTS = 8;

  private static final int AREAS = 3 + 2 * MAX_PARTS;
  private static final int ALIGNMENT = 64;

  /** The views that kernels see, and the owners that keep their memory. */
  private final MemorySegment[] areas = new MemorySegment[AREAS];

  private final MemorySegment[] owners = new MemorySegment[AREAS];

  /** What the chunk in work claimed of its output, if that is to be measured. */
  private final ClaimedRanges claims = new ClaimedRanges();

  private Scratch() {
    for (int i = 0; i < AREAS; i++) {
      areas[i] = MemorySegment.NULL;
    }
  }

  /** The values of a chunk as float32. */
  MemorySegment values(long byteLength) {
    return area(0, byteLength);
  }

  /** One byte for each code of a chunk. */
  MemorySegment codes(long byteLength) {
    return area(1, byteLength);
  }

  /** The stored bytes of a chunk, of one of its parts, that are to be converted. */
  MemorySegment stored(int part, long byteLength) {
    return area(2 + part, byteLength);
  }

  /** A range of a part that can't be written in place. */
  MemorySegment output(int part, long byteLength) {
    return area(2 + MAX_PARTS + part, byteLength);
  }

  /** The values of a chunk as they come back. */
  MemorySegment restored(long byteLength) {
    return area(AREAS - 1, byteLength);
  }

  /** The ranges that the chunk in work claimed. */
  ClaimedRanges claims() {
    return claims;
  }

  private MemorySegment area(int index, long byteLength) {
    MemorySegment area = areas[index];
    if (area.byteSize() < byteLength) {
      long capacity = Math.max(byteLength, 4L * CHUNK_ELEMENTS);
      owners[index] = Arena.ofAuto().allocate(capacity, ALIGNMENT);
      area = Native.view(owners[index]);
      areas[index] = area;
    }
    return area.asSlice(0, byteLength);
  }

  /**
   * Takes scratch memory that nobody uses.
   *
   * @return to be closed when the chunk ends
   */
  static Scratch borrow() {
    Scratch scratch = Free.LIST.poll();
    return scratch == null ? new Scratch() : scratch;
  }

  /** Gives the memory back for the next chunk. */
  @Override
  public void close() {
    claims.clear();
    Free.LIST.push(this);
  }

  /** What is not in use: at most as many as there ever were chunks in work at once. */
  private static final class Free {
    static final ConcurrentLinkedDeque<Scratch> LIST = new ConcurrentLinkedDeque<>();
  }
}
