package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.UniformKernel;
import io.tensorbridge.quantize.internal.kernel.UniformRule;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Dequantizes {@code uniform}: a chunk is a run of elements that begins at a whole byte of {@code
 * data}, whatever its groups are.
 */
final class UniformDequantizing implements RangeRun {
  private final UniformRule rule;
  private final ElementGroups grid;
  private final List<StoredBytes> parts;
  private final Output output;
  private final KernelChoice<UniformKernel> choice = Kernels.shared().uniformDequantizing();

  UniformDequantizing(
      UniformRule rule, ElementGroups grid, List<StoredBytes> parts, Output output) {
    this.rule = rule;
    this.grid = grid;
    this.parts = parts;
    this.output = output;
  }

  @Override
  public long elements() {
    return grid.elements();
  }

  @Override
  public void runRange(long from, int elements) {
    int bits = rule.bits();
    UniformKernel kernel = choice.forWork(elements);
    try (Scratch scratch = Scratch.borrow()) {
      long firstGroup = grid.groupAt(from);
      int groups = (int) (grid.groupAt(from + elements - 1) - firstGroup) + 1;
      float[] scales = parameters(1, firstGroup, groups, scratch);
      float[] zeroPoints = rule.symmetric()
          ? new float[0]
          : parameters(2, firstGroup, groups, scratch);
      MemorySegment packed =
          parts.getFirst().read(
              grid.packedBytes(bits, from), (int) grid.packedBytes(bits, elements), scratch);
      MemorySegment codes = scratch.codes(elements);
      kernel.unpack(packed, 0, elements, bits, codes, 0);
      long byteOffset = from * Float.BYTES;
      MemorySegment values =
          output.claim(0, byteOffset, (long) elements * Float.BYTES, scratch);
      for (long at = from; at < from + elements;) {
        long group = grid.groupAt(at);
        int index = (int) (group - firstGroup);
        int length = (int) (Math.min(grid.groupEnd(group), from + elements) - at);
        float zeroPoint = rule.symmetric() ? 1 << (bits - 1) : zeroPoints[index];
        long start = at - from;
        kernel.values(codes, start, length, scales[index], zeroPoint, values, 4 * start);
        at += length;
      }
      output.commit(0, byteOffset, values);
    }
  }

  private float[] parameters(int part, long firstGroup, int groups, Scratch scratch) {
    MemorySegment stored = parts.get(part).read(firstGroup, groups, scratch);
    return stored.toArray(JAVA_FLOAT_UNALIGNED);
  }
}
