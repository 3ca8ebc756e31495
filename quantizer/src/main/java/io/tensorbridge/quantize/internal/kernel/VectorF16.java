package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarF16}, in integers: the Vector API has no cast between the two. */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorF16 implements BlockKernel {
  private static final int LANES = Lanes.COUNT;

  /** Elements between bounds checks: a slice of constant length needs none inside. */
  private static final int STRIP = 512;

  private static final int MAGNITUDE = 0x7fffffff;
  private static final int INFINITE_HALF = 0x7c00;

  /** Raw float bits of 2^-14, the least normal binary16. */
  private static final int LEAST_NORMAL = 0x38800000;

  /** From the bias of a float's exponent to that of a binary16, in place. */
  private static final int BIAS_DIFFERENCE = (127 - 15) << 23;

  private final BlockKernel tail = new ScalarF16();

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    int done = 0;
    for (; done <= blocks - STRIP; done += STRIP) {
      MemorySegment from = source.asSlice(sourceOffset + 4L * done, 4 * STRIP);
      MemorySegment to = target.asSlice(targetOffset + 2L * done, 2 * STRIP);
      for (int i = 0; i < STRIP; i += LANES) {
        IntVector bits = Lanes.ints(from, 4 * i);
        greatest = greatest.max(bits.and(0x7fffffff));
        ((ShortVector) round(bits).convertShape(VectorOperators.I2S, Lanes.HALVES, 0))
            .intoMemorySegment(to, 2 * i, Lanes.ORDER);
      }
    }
    int magnitude = greatest.reduceLanes(VectorOperators.MAX);
    if (done < blocks) {
      long from = sourceOffset + 4L * done;
      long to = targetOffset + 2L * done;
      int rest = tail.quantize(source, from, target, to, blocks - done);
      magnitude = Math.max(magnitude, rest);
    }
    return magnitude;
  }

  /**
   * Half to even by integer addition, whose carry goes into the exponent; below the least normal
   * value by the float addition of 0.5, whose last bit is that of a subnormal binary16.
   */
  private static IntVector round(IntVector bits) {
    IntVector magnitude = bits.and(MAGNITUDE);
    IntVector odd = bits.lanewise(VectorOperators.LSHR, 13).and(1);
    IntVector normal =
        magnitude
            .add(0xfff - BIAS_DIFFERENCE)
            .add(odd)
            .lanewise(VectorOperators.ASHR, 13)
            .min(INFINITE_HALF);
    FloatVector shifted = magnitude.reinterpretAsFloats().add(0.5f);
    IntVector subnormal = shifted.reinterpretAsInts().sub(Float.floatToRawIntBits(0.5f));
    IntVector sign = bits.lanewise(VectorOperators.LSHR, 16).and(0x8000);
    return normal.blend(subnormal, magnitude.lt(LEAST_NORMAL)).or(sign);
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int done = 0;
    for (; done <= blocks - STRIP; done += STRIP) {
      MemorySegment from = source.asSlice(sourceOffset + 2L * done, 2 * STRIP);
      MemorySegment to = target.asSlice(targetOffset + 4L * done, 4 * STRIP);
      for (int i = 0; i < STRIP; i += LANES) {
        ShortVector halves =
            ShortVector.fromMemorySegment(Lanes.HALVES, from, 2 * i, Lanes.ORDER);
        widen((IntVector) halves.convertShape(VectorOperators.S2I, Lanes.INTS, 0))
            .intoMemorySegment(to, 4 * i, Lanes.ORDER);
      }
    }
    if (done < blocks) {
      long from = sourceOffset + 2L * done;
      long to = targetOffset + 4L * done;
      tail.dequantize(source, from, target, to, blocks - done);
    }
  }

  /**
   * Exponent and fraction in place of a float's; infinity and NaN get the greatest exponent, a
   * subnormal value is that of the least normal exponent without the 1 before the point. NaNs get
   * quiet, as the processor makes them.
   */
  private static IntVector widen(IntVector halves) {
    IntVector sign = halves.and(0x80000000);
    IntVector magnitude = halves.and(0x7fff).lanewise(VectorOperators.LSHL, 13);
    IntVector normal = magnitude.add(BIAS_DIFFERENCE);
    FloatVector least = magnitude.add(LEAST_NORMAL).reinterpretAsFloats();
    IntVector subnormal = least.sub(Float.intBitsToFloat(LEAST_NORMAL)).reinterpretAsInts();
    IntVector infinite = magnitude.add(2 * BIAS_DIFFERENCE);
    IntVector quiet = infinite.or(0x400000);
    return normal
        .blend(subnormal, magnitude.lt(1 << 23))
        .blend(infinite, magnitude.compare(VectorOperators.GE, INFINITE_HALF << 13))
        .blend(quiet, magnitude.compare(VectorOperators.GT, INFINITE_HALF << 13))
        .or(sign);
  }
}
