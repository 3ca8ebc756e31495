package io.tensorbridge.quantize.internal.kernel;

import java.util.Arrays;

/**
 * The two code books of bitsandbytes with 16 values in [-1, 1] ({@code functional.get_4bit_type},
 * bitsandbytes 0.50).
 *
 * <p>The <em>rank</em> of a value is the number of thresholds that are less than it; each rank has a
 * code. The thresholds are the midpoints, in float32, of neighbours among the sorted values.
 *
 * <p>Rule ({@code quantize_4bit} on a CPU): {@code s = x * (1 / max(amax, 1e-38))}; only in a block
 * that is shorter than the others {@code s = x / max(amax, 1e-38)}, and what is stored is {@code
 * max(amax, 1e-38)} rather than {@code amax}.
 */
@SuppressWarnings("ImmutableEnumChecker") // the tables are filled once and never handed out
public enum FourBitCode {
  /** Quantiles of the normal distribution, in order. */
  NF4(
      new float[]{
          -1f, -0.6961928f, -0.52507305f, -0.3949175f,
          -0.28444138f, -0.18477343f, -0.091050036f, 0f,
          0.0795803f, 0.1609302f, 0.2461123f, 0.33791524f,
          0.44070983f, 0.562617f, 0.72295684f, 1f},
      new byte[]{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}),
  /**
   * A sign, two bits of exponent and one of mantissa, divided by the greatest. Code 8 is a second
   * zero: what is greater than 0, and too little for code 1, gets it.
   */
  FP4(
      new float[]{
          0f, 0.0625f / 12, 8f / 12, 1f, 4f / 12, 6f / 12, 2f / 12, 3f / 12,
          0f, -0.0625f / 12, -8f / 12, -1f, -4f / 12, -6f / 12, -2f / 12, -3f / 12},
      new byte[]{11, 10, 13, 12, 15, 14, 9, 0, 8, 1, 6, 7, 4, 5, 2, 3});

  /**
   * Even parts of [-1, 1], each with at most one threshold besides 0: a look-up and a comparison give
   * the rank. No threshold is so near to an edge that rounding could move it across.
   */
  static final int BUCKETS = 32;

  /** From a scaled value to its bucket: {@code min(31, (int) (s * 16 + 16))}. */
  static final float BUCKETS_PER_UNIT = 16f;

  private static final int THRESHOLDS = 15;
  private static final float LEAST_MAGNITUDE = 1e-38f;

  private final float[] values;
  private final byte[] codeOfRank;
  private final float[] thresholds;

  FourBitCode(float[] values, byte[] codeOfRank) {
    this.values = values;
    this.codeOfRank = codeOfRank;
    this.thresholds = new float[THRESHOLDS];
    for (int rank = 0; rank < THRESHOLDS; rank++) {
      thresholds[rank] = (values[codeOfRank[rank]] + values[codeOfRank[rank + 1]]) / 2;
    }
  }

  /** What a block is divided by. */
  static float divisor(float amax) {
    return Math.max(amax, LEAST_MAGNITUDE);
  }

  /**
   * The value of each code, in units of the scale.
   *
   * @return a new array of 16
   */
  public float[] valueOfCode() {
    return values.clone();
  }

  /** The code of each rank. */
  byte[] codeOfRank() {
    return codeOfRank.clone();
  }

  /** The thresholds in order. */
  float[] thresholds() {
    return thresholds.clone();
  }

  /** Whether codes are ranks. */
  boolean isOrdered() {
    return this == NF4;
  }

  /** Whether 0 is a threshold, which buckets leave out. */
  boolean hasThresholdAtZero() {
    return this == FP4;
  }

  static int bucket(float scaled) {
    return Math.min(BUCKETS - 1, (int) (scaled * BUCKETS_PER_UNIT + BUCKETS_PER_UNIT));
  }

  /** The threshold in each bucket; infinite where there is none. */
  float[] bucketThresholds() {
    float[] found = new float[BUCKETS];
    Arrays.fill(found, Float.POSITIVE_INFINITY);
    for (float threshold : thresholds) {
      if (threshold != 0) {
        found[bucket(threshold)] = threshold;
      }
    }
    return found;
  }

  /** How many thresholds lie in the buckets before each. */
  int[] bucketRanks() {
    int[] found = new int[BUCKETS];
    for (float threshold : thresholds) {
      for (int after = bucket(threshold) + 1; threshold != 0 && after < BUCKETS; after++) {
        found[after]++;
      }
    }
    return found;
  }
}
