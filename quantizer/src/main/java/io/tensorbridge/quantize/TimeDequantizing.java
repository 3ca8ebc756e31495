package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.UniformKernel;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Dequantizes rows that are stored in the order of their timesteps: a chunk is a run of elements of
 * the tensor as it was, gathered from runs of codes that are neighbours where they are stored.
 */
final class TimeDequantizing implements RangeRun {
  private final UniformTimeScheme scheme;
  private final TimeGroups grid;
  private final List<StoredBytes> parts;
  private final Output output;
  private final KernelChoice<UniformKernel> choice = Kernels.shared().uniformDequantizing();
  private @Nullable RowOrder places;

  TimeDequantizing(
      UniformTimeScheme scheme, TimeGroups grid, List<StoredBytes> parts, Output output) {
    this.scheme = scheme;
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
    RowOrder stored = places();
    long columns = grid.columns();
    long end = from + elements;
    long lastRow = Math.ceilDiv(end, columns);
    UniformKernel kernel = choice.forWork(elements);
    try (Scratch scratch = Scratch.borrow()) {
      long byteOffset = from * Float.BYTES;
      MemorySegment values =
          output.claim(0, byteOffset, (long) elements * Float.BYTES, scratch);
      for (long at = from; at < end;) {
        long row = at / columns;
        long first = stored.originals()[(int) row] * columns + at % columns;
        long group = grid.groupAt(first);
        long run = Math.min(end, stored.runEnd(row, lastRow) * columns) - at;
        int length = (int) Math.min(run, grid.groupEnd(group) - first);
        values(kernel, first, length, group, values, (at - from) * Float.BYTES, scratch);
        at += length;
      }
      output.commit(0, byteOffset, values);
    }
  }

  /** The values of a run of stored elements of one group, which may begin amid a byte. */
  private void values(
      UniformKernel kernel,
      long first,
      int length,
      long group,
      MemorySegment target,
      long targetOffset,
      Scratch scratch) {
    int bits = scheme.bits();
    int perByte = 8 / bits;
    int before = (int) (first % perByte);
    int count = before + length;
    MemorySegment packed =
        parts.getFirst().read(first / perByte, (int) grid.packedBytes(bits, count), scratch);
    MemorySegment codes = scratch.codes(count);
    kernel.unpack(packed, 0, count, bits, codes, 0);
    float scale = parameter(1, group, scratch);
    float zeroPoint = scheme.symmetric() ? 1 << (bits - 1) : parameter(2, group, scratch);
    kernel.values(codes, before, length, scale, zeroPoint, target, targetOffset);
  }

  private float parameter(int part, long group, Scratch scratch) {
    return parts.get(part).read(group, 1, scratch).get(JAVA_FLOAT_UNALIGNED, 0);
  }

  private synchronized RowOrder places() {
    RowOrder known = places;
    if (known == null) {
      known = RowOrder.stored(parts.get(scheme.orderPart()), grid.rows()).inverse();
      places = known;
    }
    return known;
  }
}
