package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarBf16}. */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorBf16 implements BlockKernel {
  private static final int LANES = Lanes.COUNT;

  /** Elements between bounds checks: a slice of constant length needs none inside. */
  private static final int STRIP = 512;

  private final BlockKernel tail = new ScalarBf16();

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

  static IntVector round(IntVector bits) {
    IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    return bits.add(0x7fff).add(odd).lanewise(VectorOperators.LSHR, 16);
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

  static IntVector widen(IntVector halves) {
    return halves.lanewise(VectorOperators.LSHL, 16);
  }
}
