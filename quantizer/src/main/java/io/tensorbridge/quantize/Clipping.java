package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** The replacement of values that are not finite ({@link NonFinite#CLIP}). */
final class Clipping {
  private static final int INFINITE_BITS = 0x7f800000;

  private Clipping() {}

  /** The largest finite magnitude among some values; 0 if there is none. */
  static float magnitude(MemorySegment values, long first, long count) {
    int greatest = 0;
    for (long i = first; i < first + count; i++) {
      int bits = values.get(JAVA_INT_UNALIGNED, 4 * i) & 0x7fffffff;
      if (bits < INFINITE_BITS) {
        greatest = Math.max(greatest, bits);
      }
    }
    return Float.intBitsToFloat(greatest);
  }

  /** What stands for a value: NaN becomes 0, infinities get the limit as their magnitude. */
  static float clip(float value, float limit) {
    if (Float.isNaN(value)) {
      return 0;
    }
    return Float.isInfinite(value) ? Math.copySign(limit, value) : value;
  }

  /** Replaces values in place. */
  static void clip(MemorySegment values, long first, long count, float limit) {
    for (long i = first; i < first + count; i++) {
      float value = values.get(JAVA_FLOAT_UNALIGNED, 4 * i);
      if (!Float.isFinite(value)) {
        values.set(JAVA_FLOAT_UNALIGNED, 4 * i, clip(value, limit));
      }
    }
  }

  /** Replaces values in place, a group at a time, by the largest finite magnitude of the group. */
  static void clipGroups(MemorySegment values, long count, long groupElements) {
    for (long first = 0; first < count; first += groupElements) {
      long length = Math.min(groupElements, count - first);
      clip(values, first, length, magnitude(values, first, length));
    }
  }
}
