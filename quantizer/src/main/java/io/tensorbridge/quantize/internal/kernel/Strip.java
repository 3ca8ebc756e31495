package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Moves short runs between segments and arrays, which stay in the first-level cache.
 *
 * <p>The compiler vectorizes loops over arrays far better than loops over segments, so the scalar
 * kernels work on strips.
 */
final class Strip {
  /** Elements in a strip: 4 KiB of float32. */
  static final int ELEMENTS = 1024;

  private Strip() {}

  static void load(MemorySegment source, long offset, float[] strip, int count) {
    MemorySegment.copy(source, JAVA_FLOAT_UNALIGNED, offset, strip, 0, count);
  }

  static void load(MemorySegment source, long offset, int[] strip, int count) {
    MemorySegment.copy(source, JAVA_INT_UNALIGNED, offset, strip, 0, count);
  }

  static void load(MemorySegment source, long offset, short[] strip, int count) {
    MemorySegment.copy(source, JAVA_SHORT_UNALIGNED, offset, strip, 0, count);
  }

  static void load(MemorySegment source, long offset, byte[] strip, int count) {
    MemorySegment.copy(source, JAVA_BYTE, offset, strip, 0, count);
  }

  static void store(float[] strip, int count, MemorySegment target, long offset) {
    MemorySegment.copy(strip, 0, target, JAVA_FLOAT_UNALIGNED, offset, count);
  }

  static void store(int[] strip, int count, MemorySegment target, long offset) {
    MemorySegment.copy(strip, 0, target, JAVA_INT_UNALIGNED, offset, count);
  }

  static void store(short[] strip, int count, MemorySegment target, long offset) {
    MemorySegment.copy(strip, 0, target, JAVA_SHORT_UNALIGNED, offset, count);
  }

  static void store(byte[] strip, int count, MemorySegment target, long offset) {
    MemorySegment.copy(strip, 0, target, JAVA_BYTE, offset, count);
  }

  /** Reads floats as raw bits; a loop of casts would not be vectorized. */
  static void copyBits(float[] values, int[] rawBits, int count) {
    MemorySegment.copy(MemorySegment.ofArray(values), JAVA_INT_UNALIGNED, 0, rawBits, 0, count);
  }

  /** Reads raw bits as floats; a loop of casts would not be vectorized. */
  static void copyBits(int[] rawBits, float[] values, int count) {
    MemorySegment.copy(
        MemorySegment.ofArray(rawBits), JAVA_FLOAT_UNALIGNED, 0, values, 0, count);
  }

  /** The elements of the groups that a strip holds; of one if it is longer. */
  static int wholeGroups(int groupElements) {
    return groupElements <= ELEMENTS ? ELEMENTS / groupElements * groupElements : groupElements;
  }

  /** The greatest magnitude of a run of raw float bits, the sign cleared. */
  static int magnitude(int[] bits, int count) {
    int greatest = 0;
    for (int i = 0; i < count; i++) {
      greatest = Math.max(greatest, bits[i] & 0x7fffffff);
    }
    return greatest;
  }
}
