package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** hqq in plain Java. */
final class ScalarHqq implements HqqKernel {
  @Override
  public double improve(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int count,
      HqqGroups groups,
      int firstGroup) {
    float[] values = new float[groupElements];
    float[] errors = new float[LANES];
    float[] sums = new float[LANES];
    double total = 0;
    for (int i = 0; i < count; i++) {
      int group = firstGroup + i;
      float factor = groups.factor(group);
      float inverse = 1f / factor;
      float zeroPoint = groups.zeroPoint(group);
      Strip.load(source, sourceOffset + 4L * i * groupElements, values, groupElements);
      Arrays.fill(errors, 0);
      Arrays.fill(sums, 0);
      int greatest = 0;
      for (int at = 0; at < groupElements; at += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
          float value = values[at + lane];
          float scaled = value * factor;
          int bits = HqqRule.roundedBits(scaled, zeroPoint, groups.maxCode());
          float code = Float.intBitsToFloat(bits) - HqqRule.ROUNDING;
          float error = Math.abs(value - (code - zeroPoint) * inverse);
          errors[lane] += error;
          sums[lane] += code - scaled;
          greatest = Math.max(greatest, Float.floatToRawIntBits(error));
        }
      }
      total += HqqRule.fold(errors);
      if (greatest >= HqqRule.SHRUNKEN_BITS) {
        improveShrunken(values, groups, group);
      } else {
        groups.improve(group, HqqRule.fold(sums) / groupElements);
      }
    }
    return total;
  }

  /** The new zero point of a group with errors that don't shrink to nothing. */
  static void improveShrunken(float[] values, HqqGroups groups, int group) {
    float factor = groups.factor(group);
    float inverse = 1f / factor;
    float zeroPoint = groups.zeroPoint(group);
    float[] sums = new float[LANES];
    for (int at = 0; at < values.length; at += LANES) {
      for (int lane = 0; lane < LANES; lane++) {
        float value = values[at + lane];
        int bits = HqqRule.roundedBits(value * factor, zeroPoint, groups.maxCode());
        float code = Float.intBitsToFloat(bits) - HqqRule.ROUNDING;
        float kept = HqqRule.shrink(value - (code - zeroPoint) * inverse);
        sums[lane] += code - (value - kept) * factor;
      }
    }
    groups.improve(group, HqqRule.fold(sums) / values.length);
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
