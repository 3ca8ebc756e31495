package io.tensorbridge.quantize.checkpoint;

/** What the codes of small types stand for. */
final class CodeValues {
  private static final int BYTES = 256;
  private static final float[] E2M1 = {0f, 0.5f, 1f, 1.5f, 2f, 3f, 4f, 6f};

  private CodeValues() {}

  /** Signed bytes. */
  static float[] i8() {
    float[] values = new float[BYTES];
    for (int i = 0; i < BYTES; i++) {
      values[i] = (byte) i;
    }
    return values;
  }

  /** OCP FP8 E4M3: no infinities, NaN where all bits but the sign are set. */
  static float[] e4m3() {
    float[] values = new float[BYTES];
    for (int i = 0; i < BYTES; i++) {
      int exponent = i >>> 3 & 15;
      int mantissa = i & 7;
      float magnitude = exponent == 0
          ? mantissa * 0x1p-9f
          : (8 + mantissa) * Math.scalb(1f, exponent - 10);
      values[i] = (i & 0x7f) == 0x7f ? Float.NaN : i < 128 ? magnitude : -magnitude;
    }
    return values;
  }

  /** OCP FP8 E5M2: the upper half of binary16. */
  static float[] e5m2() {
    float[] values = new float[BYTES];
    for (int i = 0; i < BYTES; i++) {
      values[i] = Float.float16ToFloat((short) (i << 8));
    }
    return values;
  }

  /** OCP FP4 E2M1. */
  static float[] e2m1() {
    float[] values = new float[16];
    for (int i = 0; i < values.length; i++) {
      values[i] = i < 8 ? E2M1[i] : -E2M1[i - 8];
    }
    return values;
  }

  /** OCP E8M0: powers of two. */
  static float[] e8m0() {
    float[] values = new float[BYTES];
    for (int i = 0; i < BYTES; i++) {
      values[i] = Math.scalb(1f, i - 127);
    }
    return values;
  }
}
