package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** The vector twin of {@link ScalarHqq}, with a group in each lane while zero points get better. */
final class VectorHqq implements HqqKernel {
  @Override
  public void improve(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int count,
      HqqGroups groups,
      int firstGroup,
      double[] errors) {
    HqqLanes lanes = new HqqLanes(groupElements, groups.maxCode());
    Arrays.fill(errors, 0);
    for (int i = 0; i < count; i += Lanes.COUNT) {
      int used = Math.min(Lanes.COUNT, count - i);
      lanes.load(source, sourceOffset + 4L * i * groupElements, groups, firstGroup + i, used);
      for (int pass = 0; pass < HqqRule.PASSES_AT_ONCE; pass++) {
        lanes.improve();
        errors[pass] = lanes.addErrors(errors[pass], used);
        groups.store(pass, firstGroup + i, used, lanes.zeroPoints);
      }
    }
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
    int highest = HqqRule.ROUNDING_BITS + groups.maxCode();
    for (int i = 0; i < count; i++) {
      float factor = groups.factor(firstGroup + i);
      float zeroPoint = groups.zeroPoint(firstGroup + i);
      long begin = sourceOffset + 4L * i * groupElements;
      for (int at = 0; at < groupElements; at += Lanes.COUNT) {
        FloatVector scaled = Lanes.floats(source, begin + 4L * at).mul(factor);
        long to = codesOffset + (long) i * groupElements + at;
        Lanes.storeBytes(rounded(scaled, zeroPoint, highest), codes, to);
      }
    }
  }
}
