package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.quantize.internal.kernel.ValueRange;
import java.lang.foreign.MemorySegment;

/**
 * The range of the finite values of a piece of a group, and which other values there are.
 *
 * @param range of the finite values, a {@link ValueRange}
 * @param hasNaN whether there is a NaN
 * @param hasPositiveInfinity whether there is a positive infinity
 * @param hasNegativeInfinity whether there is a negative infinity
 */
record FiniteRange(
    long range, boolean hasNaN, boolean hasPositiveInfinity, boolean hasNegativeInfinity) {
  static final FiniteRange EMPTY = new FiniteRange(ValueRange.EMPTY, false, false, false);

  /** Looks at each value; only for pieces that are known to hold such values. */
  static FiniteRange of(MemorySegment values, int count) {
    FiniteRange found = EMPTY;
    for (int i = 0; i < count; i++) {
      float value = values.get(JAVA_FLOAT_UNALIGNED, 4L * i);
      found = found.join(
          new FiniteRange(
              Float.isFinite(value) ? ValueRange.of(value) : ValueRange.EMPTY,
              Float.isNaN(value),
              value == Float.POSITIVE_INFINITY,
              value == Float.NEGATIVE_INFINITY));
    }
    return found;
  }

  FiniteRange join(FiniteRange other) {
    return new FiniteRange(
        ValueRange.join(range, other.range),
        hasNaN || other.hasNaN,
        hasPositiveInfinity || other.hasPositiveInfinity,
        hasNegativeInfinity || other.hasNegativeInfinity);
  }

  boolean isClipped() {
    return hasNaN || hasPositiveInfinity || hasNegativeInfinity;
  }

  /** The largest finite magnitude; 0 if no value is finite. */
  float magnitude() {
    return range == ValueRange.EMPTY
        ? 0
        : Math.max(Math.abs(ValueRange.low(range)), Math.abs(ValueRange.high(range)));
  }

  /** The range after {@link Clipping}. */
  long clipped() {
    long clipped = hasNaN ? ValueRange.join(range, ValueRange.of(0f)) : range;
    if (hasPositiveInfinity) {
      clipped = ValueRange.join(clipped, ValueRange.of(magnitude()));
    }
    if (hasNegativeInfinity) {
      clipped = ValueRange.join(clipped, ValueRange.of(-magnitude()));
    }
    return clipped;
  }
}
