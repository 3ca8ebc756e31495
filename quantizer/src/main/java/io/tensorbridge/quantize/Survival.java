package io.tensorbridge.quantize;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How much of what was merged into weights is left after quantization, as sums that can be added up
 * over tensors. Of a weight {@code W}, what it became by the merge {@code W'}, and what comes back
 * of that after quantization {@code Q}:
 *
 * <pre>{@code
 * D = W' - W     what the adapters do
 * E = Q - W'     what quantization does
 * }</pre>
 *
 * @param elements how many were seen
 * @param effect {@code |D|^2}, the sum of the squares
 * @param error {@code |E|^2}
 * @param product {@code <E, D>}, the sum of the products
 */
public record Survival(long elements, double effect, double error, double product) {
  /** Of no elements. */
  public static final Survival NONE = new Survival(0, 0, 0, 0);

  private static final int STRIP = 1024;
  private static final int LANES = 4;

  /**
   * Looks at values in memory.
   *
   * @param before native float32: the weight
   * @param merged as many: with the adapters
   * @param restored as many: what came back of them
   * @return their sums, added up in double precision in four lanes
   */
  static Survival of(MemorySegment before, MemorySegment merged, MemorySegment restored) {
    int count = Math.toIntExact(merged.byteSize() / Float.BYTES);
    float[] base = new float[STRIP];
    float[] values = new float[STRIP];
    float[] copy = new float[STRIP];
    double[] sums = new double[3 * LANES];
    for (int done = 0; done < count; done += STRIP) {
      int length = Math.min(STRIP, count - done);
      load(before, done, base, length);
      load(merged, done, values, length);
      load(restored, done, copy, length);
      add(base, values, copy, length, sums);
    }
    return new Survival(count, join(sums, 0), join(sums, LANES), join(sums, 2 * LANES));
  }

  private static void load(MemorySegment source, int first, float[] strip, int count) {
    MemorySegment.copy(
        source, ValueLayout.JAVA_FLOAT_UNALIGNED, (long) first * Float.BYTES, strip, 0, count);
  }

  private static void add(float[] base, float[] values, float[] copy, int count, double[] sums) {
    for (int i = 0; i < count; i++) {
      double effect = (double) values[i] - base[i];
      double error = (double) copy[i] - values[i];
      int lane = i % LANES;
      sums[lane] += effect * effect;
      sums[LANES + lane] += error * error;
      sums[2 * LANES + lane] += error * effect;
    }
  }

  private static double join(double[] sums, int from) {
    return (sums[from] + sums[from + 2]) + (sums[from + 1] + sums[from + 3]);
  }

  /**
   * The sums of both.
   *
   * @param other of other elements
   * @return of all elements
   */
  public Survival plus(Survival other) {
    return new Survival(
        elements + other.elements,
        effect + other.effect,
        error + other.error,
        product + other.product);
  }

  /**
   * The sums of some.
   *
   * @param some of different elements
   * @return of all elements
   */
  public static Survival total(Iterable<Survival> some) {
    Survival sum = NONE;
    for (Survival one : some) {
      sum = sum.plus(one);
    }
    return sum;
  }

  /**
   * What is left of the effect if all of the quantization error counts against it: {@code max(0, 1 -
   * |E| / |D|)}.
   *
   * @return 0 to 1; 1 if nothing was merged
   */
  public double share() {
    return effect == 0 ? 1 : Math.max(0, 1 - Math.sqrt(error / effect));
  }

  /**
   * How much of the effect's own direction is in the result: {@code 1 + <E, D> / |D|^2}. It is near 1
   * even where {@link #share} is 0, if the error is noise that knows nothing of the adapter, and below
   * 1 where quantization rounds the effect away.
   *
   * @return 1 if nothing was merged
   */
  public double gain() {
    return effect == 0 ? 1 : 1 + product / effect;
  }
}
