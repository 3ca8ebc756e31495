package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** {@link SmallFloat#encode} and {@link SmallFloat#decode} for a vector at once. */
final class SmallFloatLanes {
  private static final int MAGNITUDE = 0x7fffffff;
  private static final int EXPONENT = 0x7f800000;

  private SmallFloatLanes() {}

  /** The codes of values whose raw bits are given. */
  static IntVector encode(SmallFloat type, IntVector bits, int limitBits) {
    IntVector magnitude = bits.and(MAGNITUDE).min(limitBits);
    IntVector exponent = magnitude.max(type.leastNormalBits).and(EXPONENT);
    FloatVector unit = exponent.add(type.mantissaShift << 23).reinterpretAsFloats();
    IntVector mantissa = magnitude.reinterpretAsFloats().add(unit).reinterpretAsInts();
    IntVector scaled = exponent.lanewise(VectorOperators.LSHR, type.mantissaShift);
    IntVector sign = bits.lanewise(VectorOperators.LSHR, type.signShift).and(type.signBit);
    return mantissa.sub(exponent).add(scaled).sub(type.excess).or(sign);
  }

  /** The values of codes. */
  static FloatVector decode(SmallFloat type, IntVector codes) {
    IntVector magnitude = codes.and(type.signBit - 1);
    IntVector bits =
        magnitude.lanewise(VectorOperators.LSHL, type.mantissaShift).add(type.leastNormalBits);
    IntVector subnormal =
        bits.reinterpretAsFloats()
            .sub(type.leastNormal)
            .reinterpretAsInts();
    VectorMask<Integer> isNormal =
        magnitude.compare(VectorOperators.GE, 1 << (23 - type.mantissaShift));
    IntVector value = subnormal.blend(bits.sub(1 << 23), isNormal);
    VectorMask<Integer> isSpecial = magnitude.compare(VectorOperators.GE, type.firstSpecial);
    IntVector special = value.blend(bits.or(EXPONENT), isSpecial);
    IntVector sign = codes.and(type.signBit).lanewise(VectorOperators.LSHL, type.signShift);
    return special.or(sign).reinterpretAsFloats();
  }
}
