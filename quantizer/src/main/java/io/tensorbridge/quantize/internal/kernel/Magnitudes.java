package io.tensorbridge.quantize.internal.kernel;

/** The greatest magnitude of a block of 32, as raw bits: comparing integers is exact and fast. */
final class Magnitudes {
  private static final int ELEMENTS = 32;

  private Magnitudes() {}

  /** Four chains, so that the processor is not held up by the latency of one. */
  static int of(int[] rawBits, int from) {
    int a = 0;
    int b = 0;
    int c = 0;
    int d = 0;
    for (int i = from; i < from + ELEMENTS; i += 4) {
      a = Math.max(a, rawBits[i] & 0x7fffffff);
      b = Math.max(b, rawBits[i + 1] & 0x7fffffff);
      c = Math.max(c, rawBits[i + 2] & 0x7fffffff);
      d = Math.max(d, rawBits[i + 3] & 0x7fffffff);
    }
    return Math.max(Math.max(a, b), Math.max(c, d));
  }

  /** The first value of that magnitude, with its sign. */
  static float firstOf(int[] rawBits, int from, int magnitude) {
    int at = from;
    while ((rawBits[at] & 0x7fffffff) != magnitude) {
      at++;
    }
    return Float.intBitsToFloat(rawBits[at]);
  }
}
