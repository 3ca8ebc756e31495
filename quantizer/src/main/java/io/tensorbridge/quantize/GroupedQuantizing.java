package io.tensorbridge.quantize;

import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.internal.kernel.BlockKernel;
import io.tensorbridge.quantize.internal.kernel.GroupKernel;
import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Quantizes to a format whose groups keep their parameters in parts of their own. If there is one for
 * the whole tensor, a first phase finds it.
 */
final class GroupedQuantizing implements OpRun {
  private final GroupCoding coding;
  private final GroupChunks chunks;
  private final NonFinite nonFinite;
  private final FloatSource source;
  private final Output output;
  private final KernelChoice<GroupKernel> choice;
  private final @Nullable TensorScale tensorScale;

  GroupedQuantizing(GroupCoding coding, NonFinite nonFinite, FloatSource source, Output output) {
    this.coding = coding;
    this.chunks = coding.chunks();
    this.nonFinite = nonFinite;
    this.source = source;
    this.output = output;
    this.choice = Kernels.shared().quantizing(coding.format());
    int part = coding.tensorPart();
    this.tensorScale =
        part < 0 ? null : new TensorScale(coding, part, nonFinite, source, output);
  }

  @Override
  public int phaseCount() {
    return tensorScale == null ? 1 : 2;
  }

  @Override
  public int chunkCount(int phase) {
    return chunks.count();
  }

  @Override
  public void runChunk(int phase, int chunk) {
    long first = chunks.firstGroup(chunk);
    long end = chunks.endGroup(chunk);
    long from = coding.grid().groupStart(first);
    int elements = Math.toIntExact(coding.grid().groupEnd(end - 1) - from);
    try (Scratch scratch = Scratch.borrow()) {
      if (tensorScale != null && phase == 0) {
        tensorScale.look(from, elements, scratch);
        return;
      }
      GroupKernel kernel = choice.forWork(elements);
      MemorySegment values = source.read(from, elements, scratch);
      MemorySegment given =
          tensorScale == null ? MemorySegment.NULL : tensorScale.segment();
      GroupPieces pieces = GroupPieces.claim(coding, first, end, given, output, scratch);
      int magnitude = quantize(kernel, values, first, end, pieces);
      if (magnitude >= BlockKernel.INFINITE_BITS) {
        values = clipped(first, end, elements, scratch);
        quantize(kernel, values, first, end, pieces);
      }
      pieces.commit(output);
      output.quantized(chunk, from, values, scratch);
    }
  }

  private int quantize(
      GroupKernel kernel, MemorySegment values, long first, long end, GroupPieces pieces) {
    GroupGrid grid = coding.grid();
    long from = grid.groupStart(first);
    int magnitude = 0;
    for (long group = first; group < end;) {
      long next = chunks.runEnd(group, end);
      int elements = Math.toIntExact(grid.groupEnd(next - 1) - grid.groupStart(group));
      int found =
          kernel.quantize(
              values,
              (grid.groupStart(group) - from) * Float.BYTES,
              coding.groupElements(),
              elements,
              pieces.run(group, elements));
      magnitude = Math.max(magnitude, found);
      group = next;
    }
    return magnitude;
  }

  private MemorySegment clipped(long first, long end, int elements, Scratch scratch) {
    if (nonFinite == NonFinite.ERROR) {
      throw source.nonFinite(scratch);
    }
    GroupGrid grid = coding.grid();
    long from = grid.groupStart(first);
    MemorySegment values = source.readToChange(from, elements, scratch);
    if (tensorScale != null) {
      Clipping.clip(values, 0, elements, tensorScale.amax());
      return values;
    }
    for (long group = first; group < end; group++) {
      long start = grid.groupStart(group) - from;
      long length = grid.groupEnd(group) - grid.groupStart(group);
      Clipping.clip(values, start, length, Clipping.magnitude(values, start, length));
    }
    return values;
  }
}
