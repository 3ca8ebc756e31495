package io.tensorbridge.quantize.internal.kernel;

/** The least and the greatest value of a block of 32, as a {@link ValueRange}. */
final class Ranges {
  private static final int ELEMENTS = 32;

  private Ranges() {}

  /** Two chains of each kind, so that the processor is not held up by the latency of one. */
  static long of(int[] rawBits, int from) {
    int lowA = Integer.MAX_VALUE;
    int lowB = Integer.MAX_VALUE;
    int highA = Integer.MIN_VALUE;
    int highB = Integer.MIN_VALUE;
    for (int i = from; i < from + ELEMENTS; i += 2) {
      int a = ValueRange.key(rawBits[i]);
      int b = ValueRange.key(rawBits[i + 1]);
      lowA = Math.min(lowA, a);
      highA = Math.max(highA, a);
      lowB = Math.min(lowB, b);
      highB = Math.max(highB, b);
    }
    return ValueRange.of(Math.min(lowA, lowB), Math.max(highA, highB));
  }

  /** The greater magnitude of the two ends, as raw bits. */
  static int magnitude(long range) {
    int low = Float.floatToRawIntBits(ValueRange.low(range)) & 0x7fffffff;
    int high = Float.floatToRawIntBits(ValueRange.high(range)) & 0x7fffffff;
    return Math.max(low, high);
  }
}
