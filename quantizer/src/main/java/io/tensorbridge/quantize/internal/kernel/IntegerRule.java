package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Integers of four or eight bits with a scale, and maybe a zero point, for each group, as two
 * libraries make them; all in float32. {@code low} and {@code high} are the least and the greatest
 * value of a group, {@code max} is {@code 2^bits - 1} and {@code mid} {@code 2^(bits-1)}.
 *
 * @param layout whose rule and layout
 * @param bits 4 or 8
 * @param isSymmetric whether there are no zero points
 */
record IntegerRule(Layout layout, int bits, boolean isSymmetric) {
  /** The two libraries. */
  enum Layout {
    /**
     * onnxruntime's MatMulNBits ({@code MlasQuantizeBlockwise}, onnxruntime 1.31). Symmetric: {@code
     * scale = -m / mid}, where {@code m} is {@code high} if its magnitude is greater than that of
     * {@code low}, else {@code low}; {@code zp = mid}. Else, with 0 put into the range, {@code scale
     * = (high - low) / max} and {@code zp = roundf(-low / scale)}. {@code code = clamp(roundf(x *
     * (1 / scale) + zp), 0, max)}, with 0 for the reciprocal of 0; {@code x = (code - zp) * scale}.
     */
    ONNX,
    /**
     * compressed-tensors 0.20. 0 is put into the range. Symmetric: {@code scale = amax / (max / 2)},
     * {@code zp = 0}. Else {@code scale = (high - low) / max} and {@code zp = rint(clamp(-mid - low /
     * scale, -mid, mid - 1))}. A scale of 0 becomes 2^-23. {@code code = rint(clamp(x / scale + zp,
     * -mid, mid - 1))}, stored with {@code mid} added; {@code x = (code - zp) * scale}.
     */
    COMPRESSED_TENSORS
  }

  /** Added before truncation, it makes C's {@code roundf} of what is not negative. */
  static final float BELOW_HALF = 0x1.fffffep-2f;

  private static final float LEAST_SCALE = 0x1p-23f;

  static IntegerRule onnx(int bits, boolean isSymmetric) {
    return new IntegerRule(Layout.ONNX, bits, isSymmetric);
  }

  static IntegerRule compressed(int bits, boolean isSymmetric) {
    return new IntegerRule(Layout.COMPRESSED_TENSORS, bits, isSymmetric);
  }

  int maxCode() {
    return (1 << bits) - 1;
  }

  int middle() {
    return 1 << (bits - 1);
  }

  boolean isOnnx() {
    return layout == Layout.ONNX;
  }

  /**
   * The scale before {@link #stored}.
   *
   * @param first the first value of the group, whose sign a scale of 0 gets
   */
  float scale(float low, float high, float first) {
    if (isOnnx() && isSymmetric) {
      float extreme = Math.abs(high) > Math.abs(low) ? high : low;
      return -(extreme == 0 ? first : extreme) / middle();
    }
    float least = Math.min(low, 0f);
    float greatest = Math.max(high, 0f);
    return isSymmetric
        ? Math.max(-least, greatest) / (maxCode() / 2f)
        : (greatest - least) / maxCode();
  }

  /** The zero point as it is stored; what a symmetric rule takes where there is none. */
  int zeroPoint(float low, float scale) {
    float least = Math.min(low, 0f);
    if (isOnnx()) {
      if (isSymmetric) {
        return middle();
      }
      float exact = scale == 0 ? least : 0f - least / scale;
      return (int) (Math.clamp(exact, 0f, maxCode()) + BELOW_HALF);
    }
    if (isSymmetric) {
      return 0;
    }
    float exact = -middle() - least / scale;
    return (int) Math.rint(Math.clamp(exact, -middle(), middle() - 1f));
  }

  /** The scale as it is stored. */
  float stored(float scale) {
    return !isOnnx() && scale == 0 ? LEAST_SCALE : scale;
  }

  /** What values are multiplied with by onnxruntime, and divided by by compressed-tensors. */
  float operand(float scale) {
    if (!isOnnx()) {
      return stored(scale);
    }
    return scale == 0 ? 0f : 1f / scale;
  }

  /** The stored code of a value after multiplication or division, and addition of the zero point. */
  byte code(float shifted) {
    if (isOnnx()) {
      return (byte) Math.clamp((int) (shifted + BELOW_HALF), 0, maxCode());
    }
    float clamped = Math.clamp(shifted, -middle(), middle() - 1f);
    return (byte) ((int) (clamped + Int8Rule.MAGIC - Int8Rule.MAGIC) + middle());
  }

  /** The stored code that means 0. */
  int codeOfZero(int zeroPoint) {
    return isOnnx() ? zeroPoint : zeroPoint + middle();
  }

  /** The zero point of a group, from the part that holds them. */
  int zeroPoint(MemorySegment[] parts, int group) {
    if (isSymmetric) {
      return isOnnx() ? middle() : 0;
    }
    if (!isOnnx()) {
      return parts[2].get(JAVA_BYTE, group);
    }
    return bits == 8
        ? parts[2].get(JAVA_BYTE, group) & 255
        : (parts[2].get(JAVA_BYTE, group / 2) >> (group % 2 * 4)) & 15;
  }

  /**
   * Stores the zero point of a group; groups come in order. Where onnxruntime packs two in a byte,
   * the high one stays {@code mid} beside an odd last group.
   */
  void storeZeroPoint(MemorySegment[] parts, int group, int zeroPoint) {
    if (isSymmetric) {
      return;
    }
    if (!isOnnx() || bits == 8) {
      parts[2].set(JAVA_BYTE, group, (byte) zeroPoint);
    } else if (group % 2 == 0) {
      parts[2].set(JAVA_BYTE, group / 2, (byte) (zeroPoint | (middle() << 4)));
    } else {
      int low = parts[2].get(JAVA_BYTE, group / 2) & 15;
      parts[2].set(JAVA_BYTE, group / 2, (byte) (low | (zeroPoint << 4)));
    }
  }

  /**
   * Fills the padding behind a last group that is shorter than the others, or a row of
   * compressed-tensors, with zeros.
   *
   * @param elements elements of the run
   */
  void clearPadding(MemorySegment data, int elements) {
    long used = Math.ceilDiv((long) elements * bits, 8);
    data.asSlice(Math.min(used, data.byteSize())).fill((byte) 0);
  }

  /**
   * What stands in the high nibble beside an odd last code: zeros with compressed-tensors. In
   * onnxruntime each pair of groups is packed by itself, and there it is the code before the last,
   * or 0 if the pair has only one element.
   *
   * @param codes the codes of a strip that ends with the run
   * @param inPair elements of the last pair of groups
   */
  byte beside(byte[] codes, int count, int inPair) {
    return isOnnx() && inPair > 1 ? codes[count - 2] : 0;
  }
}
