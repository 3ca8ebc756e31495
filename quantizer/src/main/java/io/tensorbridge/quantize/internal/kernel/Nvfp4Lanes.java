package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The scales of {@link Nvfp4Layout}, a vector of them at once. */
final class Nvfp4Lanes {
  private static final int LEAST_NORMAL_CODE = 1 << 3;

  private Nvfp4Lanes() {}

  /** As {@link Nvfp4Layout#scaleCode}, of magnitudes as raw bits. */
  static IntVector scaleCodes(IntVector magnitudes) {
    FloatVector scales = magnitudes.reinterpretAsFloats().div(6f);
    VectorMask<Integer> isSmall =
        scales.compare(VectorOperators.LT, Nvfp4Layout.LEAST_NORMAL).cast(Lanes.INTS);
    IntVector small =
        (IntVector) scales.mul(0x1p9f)
            .add(0.5f)
            .convertShape(VectorOperators.F2I, Lanes.INTS, 0);
    IntVector normal =
        scales.reinterpretAsInts()
            .add(0x80000)
            .lanewise(VectorOperators.LSHR, 20)
            .sub(Nvfp4Layout.EXPONENT_BIAS_DIFFERENCE);
    return normal
        .blend(
            Nvfp4Layout.GREATEST,
            normal.compare(VectorOperators.GE, Nvfp4Layout.TOP_EXPONENT))
        .blend(small.min(LEAST_NORMAL_CODE - 1), isSmall);
  }

  /**
   * As {@link Nvfp4Layout#halfScale}, but of a number: exponent and fraction in place of a float's; a
   * subnormal value is that of the least normal exponent without the 1 before the point.
   */
  static FloatVector halfScales(IntVector codes) {
    IntVector fraction = codes.lanewise(VectorOperators.LSHL, 20);
    FloatVector normal = fraction.add(119 << 23).reinterpretAsFloats();
    FloatVector subnormal = fraction.add(120 << 23).reinterpretAsFloats().sub(0x1p-7f);
    VectorMask<Integer> isNormal = codes.compare(VectorOperators.GE, LEAST_NORMAL_CODE);
    return subnormal.blend(normal, isNormal.cast(Lanes.FLOATS));
  }
}
