package io.tensorbridge.quantize;

import io.tensorbridge.quantize.internal.kernel.GroupKernel;
import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The reverse of {@link GroupedQuantizing}, with the same chunks. */
final class GroupedDequantizing implements DequantizingRun {
  private final GroupCoding coding;
  private final GroupChunks chunks;
  private final List<StoredBytes> parts;
  private final Output output;
  private final KernelChoice<GroupKernel> choice;

  GroupedDequantizing(GroupCoding coding, List<StoredBytes> parts, Output output) {
    this.coding = coding;
    this.chunks = coding.chunks();
    this.parts = parts;
    this.output = output;
    this.choice = Kernels.shared().dequantizing(coding.format());
  }

  @Override
  public int chunkCount(int phase) {
    return chunks.count();
  }

  @Override
  public long firstElement(int chunk) {
    return chunk < chunks.count()
        ? coding.grid().groupStart(chunks.firstGroup(chunk))
        : coding.grid().elements();
  }

  @Override
  public void runChunk(int phase, int chunk) {
    GroupGrid grid = coding.grid();
    long first = chunks.firstGroup(chunk);
    long end = chunks.endGroup(chunk);
    long from = grid.groupStart(first);
    long byteLength = (grid.groupEnd(end - 1) - from) * Float.BYTES;
    GroupKernel kernel = choice.forWork(byteLength / Float.BYTES);
    try (Scratch scratch = Scratch.borrow()) {
      GroupPieces pieces = GroupPieces.read(coding, first, end, parts, scratch);
      MemorySegment values = output.claim(0, from * Float.BYTES, byteLength, scratch);
      for (long group = first; group < end;) {
        long next = chunks.runEnd(group, end);
        long start = grid.groupStart(group);
        int elements = Math.toIntExact(grid.groupEnd(next - 1) - start);
        kernel.dequantize(
            pieces.run(group, elements),
            coding.groupElements(),
            elements,
            values,
            (start - from) * Float.BYTES);
        group = next;
      }
      output.commit(0, from * Float.BYTES, values);
    }
  }
}
