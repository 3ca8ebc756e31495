package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** hqq in plain Java. */
final class ScalarHqq implements HqqKernel {
  @Override
  public void improve(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int count,
      HqqGroups groups,
      int firstGroup,
      double[] errors) {
    float[] values = new float[groupElements];
    float[] zeroPoint = new float[1];
    Arrays.fill(errors, 0);
    for (int i = 0; i < count; i++) {
      int group = firstGroup + i;
      float factor = groups.factor(group);
      zeroPoint[0] = groups.zeroPoint(group);
      Strip.load(source, sourceOffset + 4L * i * groupElements, values, groupElements);
      for (int pass = 0; pass < HqqRule.PASSES_AT_ONCE; pass++) {
        errors[pass] += improve(values, factor, zeroPoint, groups.maxCode());
        groups.store(pass, group, 1, zeroPoint);
      }
    }
  }

  /** Makes a better zero point, unless it overflows on the way; returns the sum of errors before. */
  private static float improve(float[] values, float factor, float[] zeroPoint, int maxCode) {
    float inverse = 1f / factor;
    float before = zeroPoint[0];
    float[] errors = new float[PARTIAL_SUMS];
    float[] sums = new float[PARTIAL_SUMS];
    for (int run = 0; run < values.length; run += PARTIAL_SUMS) {
      for (int i = 0; i < PARTIAL_SUMS; i++) {
        float value = values[run + i];
        int bits = HqqRule.roundedBits(value * factor, before, maxCode);
        float code = Float.intBitsToFloat(bits) - HqqRule.ROUNDING;
        float error = value - (code - before) * inverse;
        errors[i] += Math.abs(error);
        sums[i] += code - (value - HqqRule.shrink(error)) * factor;
      }
    }
    float better = HqqRule.fold(sums) / values.length;
    if (Float.isFinite(better)) {
      zeroPoint[0] = better;
    }
    return HqqRule.fold(errors);
  }

  @Override
  public void codes(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int count,
      HqqGroups groups,
      int firstGroup,
      MemorySegment codes,
      long codesOffset) {
    float[] values = new float[groupElements];
    byte[] narrow = new byte[groupElements];
    for (int i = 0; i < count; i++) {
      float factor = groups.factor(firstGroup + i);
      float zeroPoint = groups.zeroPoint(firstGroup + i);
      Strip.load(source, sourceOffset + 4L * i * groupElements, values, groupElements);
      for (int at = 0; at < groupElements; at++) {
        narrow[at] =
            (byte) HqqRule.roundedBits(values[at] * factor, zeroPoint, groups.maxCode());
      }
      Strip.store(narrow, groupElements, codes, codesOffset + (long) i * groupElements);
    }
  }
}
