package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The vector twin of {@link ScalarHqq}, which it leaves groups to whose errors don't shrink to
 * nothing.
 */
final class VectorHqq implements HqqKernel {
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
    int highest = HqqRule.ROUNDING_BITS + groups.maxCode();
    double total = 0;
    for (int i = 0; i < count; i++) {
      int group = firstGroup + i;
      float factor = groups.factor(group);
      float inverse = 1f / factor;
      float zeroPoint = groups.zeroPoint(group);
      long begin = sourceOffset + 4L * i * groupElements;
      IntVector greatest = IntVector.zero(Lanes.INTS);
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        FloatVector error = FloatVector.zero(Lanes.FLOATS);
        FloatVector sum = FloatVector.zero(Lanes.FLOATS);
        for (int at = lane; at < groupElements; at += LANES) {
          FloatVector value = Lanes.floats(source, begin + 4L * at);
          FloatVector scaled = value.mul(factor);
          FloatVector code =
              rounded(scaled, zeroPoint, highest).reinterpretAsFloats().sub(HqqRule.ROUNDING);
          FloatVector distance = value.sub(code.sub(zeroPoint).mul(inverse)).abs();
          error = error.add(distance);
          sum = sum.add(code.sub(scaled));
          greatest = greatest.max(distance.reinterpretAsInts());
        }
        error.intoArray(errors, lane);
        sum.intoArray(sums, lane);
      }
      total += HqqRule.fold(errors);
      if (reaches(greatest)) {
        Strip.load(source, begin, values, groupElements);
        ScalarHqq.improveShrunken(values, groups, group);
      } else {
        groups.improve(group, HqqRule.fold(sums) / groupElements);
      }
    }
    return total;
  }

  private static boolean reaches(IntVector greatest) {
    return greatest.compare(VectorOperators.GE, HqqRule.SHRUNKEN_BITS)
        .anyTrue();
  }

  private static IntVector rounded(FloatVector scaled, float zeroPoint, int highest) {
    return scaled
        .add(zeroPoint)
        .add(HqqRule.ROUNDING)
        .reinterpretAsInts()
        .max(HqqRule.ROUNDING_BITS)
        .min(highest);
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
    byte[] narrow = new byte[groupElements];
    int highest = HqqRule.ROUNDING_BITS + groups.maxCode();
    for (int i = 0; i < count; i++) {
      float factor = groups.factor(firstGroup + i);
      float zeroPoint = groups.zeroPoint(firstGroup + i);
      long begin = sourceOffset + 4L * i * groupElements;
      for (int at = 0; at < groupElements; at += Lanes.COUNT) {
        FloatVector scaled = Lanes.floats(source, begin + 4L * at).mul(factor);
        Lanes.storeBytes(rounded(scaled, zeroPoint, highest), narrow, at);
      }
      Strip.store(narrow, groupElements, codes, codesOffset + (long) i * groupElements);
    }
  }
}
