package io.tensorbridge.quantize.internal.kernel;

/**
 * A block of ggml's {@code nvfp4}: 64 elements in 36 bytes ({@code block_nvfp4}, ggml-common.h), a
 * scale for each sub-block of 16 and none for the tensor.
 *
 * <pre>
 *    byte 0          4                                               36
 *         +----------+-----------------------------------------------+
 *         | d[4]:    | qs[32], 8 for a sub-block: low nibble         |      x = E2M1(code) * d
 *         | UE4M3    | element j, high nibble element j + 8          |
 *         +----------+-----------------------------------------------+
 * </pre>
 *
 * <p>Rule ({@code quantize_row_nvfp4_ref}, ggml 0.21.0): {@code d = amax / 6} as UE4M3 (four bits of
 * exponent with bias 7, three of fraction), half up, 448 for all from 248 on; the code is the first
 * of {@link E2m1} with the least error, which is the nearest value unless {@code d} is far too
 * small.
 */
final class Nvfp4Layout {
  static final int ELEMENTS = 64;
  static final int PART_ELEMENTS = 16;
  static final int PARTS = ELEMENTS / PART_ELEMENTS;
  static final int CODES = PARTS;
  static final int BYTES = CODES + ELEMENTS / 2;

  /** The code of all scales that are too great. */
  static final int GREATEST = 0x7e;
  private static final int NOT_A_NUMBER = 0x7f;
  static final int EXPONENT_BIAS_DIFFERENCE = (127 - 7) << 3;
  static final int TOP_EXPONENT = 15 << 3;
  static final float LEAST_NORMAL = 0x1p-6f;

  /** Up to this many times the half scale, all errors of near codes are exact. */
  static final float EXACT = 24f;

  /** Half the scale by its byte, as {@code ggml_ue4m3_to_fp32}; bit 7 means nothing. */
  private static final float[] HALF_SCALES = new float[256];

  static {
    for (int code = 0; code < HALF_SCALES.length; code++) {
      HALF_SCALES[code] = code == NOT_A_NUMBER ? 0f : halfOf(code >> 3 & 15, code & 7);
    }
  }

  private Nvfp4Layout() {}

  private static float halfOf(int exponent, int fraction) {
    return exponent == 0
        ? fraction * 0x1p-10f
        : Math.scalb(1f + fraction / 8f, exponent - 8);
  }

  /** The scale's byte for the greatest magnitude of a sub-block, {@code ggml_fp32_to_ue4m3}. */
  static int scaleCode(float magnitude) {
    float scale = magnitude / 6f;
    if (scale < LEAST_NORMAL) {
      return Math.min(7, (int) (scale * 0x1p9f + 0.5f));
    }
    int code = ((Float.floatToRawIntBits(scale) + 0x80000) >>> 20) - EXPONENT_BIAS_DIFFERENCE;
    return code >= TOP_EXPONENT ? GREATEST : code;
  }

  static float halfScale(int scaleCode) {
    return HALF_SCALES[scaleCode];
  }

  /** Whether the nearest value has the least error in float arithmetic, too. */
  static boolean isExact(float magnitude, float halfScale) {
    return magnitude <= EXACT * halfScale;
  }

  /** What ggml does in all cases: the first code with the least error. */
  static int code(float value, float halfScale) {
    int best = 0;
    float leastError = Math.abs(value);
    for (int code = 1; code < 16; code++) {
      float error = Math.abs(E2m1.doubled(code) * halfScale - value);
      if (error < leastError) {
        best = code;
        leastError = error;
      }
    }
    return best;
  }
}
