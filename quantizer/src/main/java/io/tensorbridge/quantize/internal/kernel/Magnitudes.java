package io.tensorbridge.quantize.internal.kernel;

/** The greatest magnitude of a block of 32, as raw bits: comparing integers is exact and fast. */
final class Magnitudes {
  private static final int ELEMENTS = 32;

  private Magnitudes() {}

  /** Four chains, so that the processor is not held up by the latency of one. */
  static int of(float[] values, int from) {
    int a = 0;
    int b = 0;
    int c = 0;
    int d = 0;
    for (int i = from; i < from + ELEMENTS; i += 4) {
      a = Math.max(a, Float.floatToRawIntBits(values[i]) & 0x7fffffff);
      b = Math.max(b, Float.floatToRawIntBits(values[i + 1]) & 0x7fffffff);
      c = Math.max(c, Float.floatToRawIntBits(values[i + 2]) & 0x7fffffff);
      d = Math.max(d, Float.floatToRawIntBits(values[i + 3]) & 0x7fffffff);
    }
    return Math.max(Math.max(a, b), Math.max(c, d));
  }

  /** The first value of that magnitude, with its sign. */
  static float firstOf(float[] values, int from, int magnitude) {
    int at = from;
    while ((Float.floatToRawIntBits(values[at]) & 0x7fffffff) != magnitude) {
      at++;
    }
    return values[at];
  }
}
