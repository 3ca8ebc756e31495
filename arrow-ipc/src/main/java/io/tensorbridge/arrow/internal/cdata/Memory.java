package io.tensorbridge.arrow.internal.cdata;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Reads and writes of the process's memory by address: nothing is checked. */
public final class Memory {
  private static final MemorySegment ALL = everything();

  private Memory() {}

  @SuppressWarnings("restricted")
  private static MemorySegment everything() {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  }

  /**
   * The whole memory as a segment whose slices are valid as long as an arena.
   *
   * @param arena ends the slices
   * @return a segment in which an offset is an address
   */
  @SuppressWarnings("restricted")
  public static MemorySegment during(Arena arena) {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE, arena, null);
  }

  /**
   * Has something done when an arena is closed.
   *
   * @param arena whose end counts
   * @param work done then, once
   */
  @SuppressWarnings("restricted")
  public static void atEnd(Arena arena, Runnable work) {
    MemorySegment _ = MemorySegment.NULL.reinterpret(arena, _ -> work.run());
  }

  /**
   * A piece of memory that is never closed.
   *
   * @param address where it begins
   * @param byteSize its size
   * @return a segment of the global scope
   */
  public static MemorySegment at(long address, long byteSize) {
    return ALL.asSlice(address, byteSize);
  }

  /**
   * Reads a word.
   *
   * @param address where
   * @return 8 bytes in the machine's order
   */
  public static long word(long address) {
    return ALL.get(ValueLayout.JAVA_LONG_UNALIGNED, address);
  }

  /**
   * Writes a word.
   *
   * @param address where
   * @param value 8 bytes in the machine's order
   */
  public static void setWord(long address, long value) {
    ALL.set(ValueLayout.JAVA_LONG_UNALIGNED, address, value);
  }

  /**
   * Reads half a word.
   *
   * @param address where
   * @return 4 bytes in the machine's order
   */
  public static int half(long address) {
    return ALL.get(ValueLayout.JAVA_INT_UNALIGNED, address);
  }

  /**
   * Writes half a word.
   *
   * @param address where
   * @param value 4 bytes in the machine's order
   */
  public static void setHalf(long address, int value) {
    ALL.set(ValueLayout.JAVA_INT_UNALIGNED, address, value);
  }

  /**
   * Copies bytes into memory.
   *
   * @param address where they go
   * @param bytes the bytes
   */
  public static void write(long address, byte[] bytes) {
    MemorySegment.copy(bytes, 0, ALL, ValueLayout.JAVA_BYTE, address, bytes.length);
  }

  /**
   * The length of a string of C.
   *
   * @param address where it begins
   * @param limit where to give up
   * @return bytes before the first 0, or -1 if there is none below the limit
   */
  public static int stringLength(long address, int limit) {
    for (int i = 0; i < limit; i++) {
      if (ALL.get(ValueLayout.JAVA_BYTE, address + i) == 0) {
        return i;
      }
    }
    return -1;
  }

  /**
   * A private copy of bytes.
   *
   * @param address where they begin
   * @param length how many
   * @return the copy
   */
  public static byte[] read(long address, int length) {
    return at(address, length).toArray(ValueLayout.JAVA_BYTE);
  }
}
