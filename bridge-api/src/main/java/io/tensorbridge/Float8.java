package io.tensorbridge;

/** The two 8-bit floats of the OCP FP8 specification 1.0, decoded. */
final class Float8 {
  private Float8() {}

  static float e4m3ToFloat(byte bits) {
    int magnitude = bits & 0x7f;
    float value;
    if (magnitude == 0x7f) {
      value = Float.NaN;
    } else if (magnitude < 0x08) {
      value = magnitude * 0x1p-9f;
    } else {
      value = Math.scalb(8 + (magnitude & 7), (magnitude >> 3) - 10);
    }
    return bits < 0 ? -value : value;
  }

  static float e5m2ToFloat(byte bits) {
    return Float.float16ToFloat((short) (bits << 8));
  }
}
