package io.tensorbridge.quantize.internal.kernel;

/**
 * The two scales of NVFP4: a float32 for the tensor, an E4M3 number for each group of 16. The rule of
 * torchao 0.18 ({@code nvfp4_quantize}, {@code per_tensor_amax_to_scale}).
 */
final class TwoLevelScale {
  /** Elements that share a scale. */
  static final int GROUP = 16;

  /**
   * The least scale of a tensor: below it, the reciprocals of the rule overflow, and torchao makes
   * NaN, as it does of zeros alone.
   */
  private static final float LEAST = 0x1p-120f;

  private static final float LEAST_OF_GROUP = 0x1p-6f;

  /** The raw bits of the least scale of a group. */
  static final int LEAST_OF_GROUP_BITS = Float.floatToRawIntBits(LEAST_OF_GROUP);

  /** The greatest value of E2M1. */
  static final float MAX = 6;

  private static final float[] VALUES = SmallFloat.E4M3.table();

  private TwoLevelScale() {}

  /** The scale of a tensor with a greatest magnitude. */
  static float ofTensor(float amax) {
    return Math.max(amax / (SmallFloat.E4M3.maxValue * MAX), LEAST);
  }

  /** The code of the scale of a group with a greatest magnitude, given as raw bits. */
  static int ofGroup(int magnitude, float tensorScale) {
    float scale = Float.intBitsToFloat(magnitude) / MAX / tensorScale;
    int bits = Float.floatToRawIntBits(Math.max(scale, LEAST_OF_GROUP));
    return SmallFloat.E4M3.encode(bits, SmallFloat.E4M3.maxBits);
  }

  /** What values are multiplied with before they are rounded. */
  static float factor(int code, float tensorScale) {
    return 1 / tensorScale / VALUES[code & 0xff];
  }

  /** What the rounded values are multiplied with. */
  static float value(int code, float tensorScale) {
    return tensorScale * VALUES[code & 0xff];
  }
}
