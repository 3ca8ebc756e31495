package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Rounds float64 to float32, half to even; what is beyond its range becomes infinite. */
public final class DoubleNarrowing {
  private DoubleNarrowing() {}

  /**
   * Rounds a run of values.
   *
   * @param source float64 values
   * @param target receives float32 values
   * @param count how many
   */
  public static void narrow(MemorySegment source, MemorySegment target, int count) {
    double[] doubles = new double[Strip.ELEMENTS];
    float[] floats = new float[Strip.ELEMENTS];
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      MemorySegment.copy(source, JAVA_DOUBLE_UNALIGNED, 8L * done, doubles, 0, length);
      for (int i = 0; i < length; i++) {
        floats[i] = (float) doubles[i];
      }
      Strip.store(floats, length, target, 4L * done);
    }
  }
}
