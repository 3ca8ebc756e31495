package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.UniformKernel;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The reverse of {@link HqqQuantizing}; a chunk is a run of elements, whatever the planes are. */
final class HqqDequantizing implements RangeRun {
  private final int group;
  private final long elements;
  private final HqqPlanes planes;
  private final List<StoredBytes> parts;
  private final Output output;
  private final KernelChoice<UniformKernel> choice = Kernels.shared().uniformDequantizing();

  HqqDequantizing(HqqScheme scheme, long elements, List<StoredBytes> parts, Output output) {
    this.group = scheme.group();
    this.elements = elements;
    this.planes = HqqPlanes.of(scheme, elements);
    this.parts = parts;
    this.output = output;
  }

  @Override
  public long elements() {
    return elements;
  }

  /** Of whole groups. */
  @Override
  public void runRange(long from, int count) {
    UniformKernel kernel = choice.forWork(count);
    try (Scratch scratch = Scratch.borrow()) {
      long byteOffset = from * Float.BYTES;
      MemorySegment values = output.claim(0, byteOffset, (long) count * Float.BYTES, scratch);
      for (long at = from; at < from + count;) {
        long planeEnd = (at / planes.planeElements() + 1) * planes.planeElements();
        int length = (int) (Math.min(planeEnd, from + count) - at);
        restore(kernel, at, length, values, (at - from) * Float.BYTES, scratch);
        at += length;
      }
      output.commit(0, byteOffset, values);
    }
  }

  /** A run within a plane. */
  private void restore(
      UniformKernel kernel,
      long first,
      int count,
      MemorySegment values,
      long offset,
      Scratch scratch) {
    int plane = (int) (first / planes.planeElements());
    MemorySegment packed =
        parts.getFirst().read(first % planes.planeElements(), count, scratch);
    MemorySegment codes = packed;
    if (planes.count() > 1) {
      codes = scratch.codes(count);
      planes.unpack(plane, packed, codes);
    }
    long firstGroup = first / group;
    int groups = count / group;
    MemorySegment scales = parts.get(1).read(firstGroup, groups, scratch);
    MemorySegment zeroPoints = parts.get(2).read(firstGroup, groups, scratch);
    for (int i = 0; i < groups; i++) {
      kernel.values(
          codes,
          (long) i * group,
          group,
          scales.get(JAVA_FLOAT_UNALIGNED, 4L * i),
          zeroPoints.get(JAVA_FLOAT_UNALIGNED, 4L * i),
          values,
          offset + 4L * i * group);
    }
  }
}
