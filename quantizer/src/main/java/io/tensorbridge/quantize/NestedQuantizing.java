package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.internal.kernel.DynamicMap;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Quantizes to a {@link FourBitScheme} with double quantization: the first phase writes codes and
 * keeps the scales of all blocks in memory, and whichever of its chunks ends last takes their mean;
 * the second phase quantizes the scales. Only where the result is measured there is a third, which
 * makes the codes once more, since their values are known only now.
 */
final class NestedQuantizing implements OpRun {
  /** Scales of a chunk of the second phase, whole blocks of them. */
  private static final int CHUNK_SCALES = 256 * DynamicMap.BLOCK;

  private static final int SCALES = 1;
  private static final int NESTED_SCALES = 2;
  private static final int NESTED_OFFSET = 3;

  private final Output output;
  private final long blocks;
  private final MemorySegment owner;
  private final MemorySegment scales;
  private final GroupedQuantizing codes;
  private final GroupedQuantizing repeated;
  private final AtomicInteger chunksLeft;
  private float offset;

  NestedQuantizing(GroupCoding coding, NonFinite nonFinite, FloatSource source, Output output) {
    this.output = output;
    this.blocks = coding.grid().groups();
    this.owner = Arena.ofAuto().allocate(blocks * Float.BYTES, Float.BYTES);
    this.scales = Native.view(owner);
    this.codes =
        new GroupedQuantizing(
            coding, nonFinite, source, new Output.Redirected(output, SCALES, scales, false));
    this.repeated =
        new GroupedQuantizing(
            coding, nonFinite, source, new Output.Redirected(output, SCALES, scales, true));
    this.chunksLeft = new AtomicInteger(codes.chunkCount(0));
  }

  @Override
  public int phaseCount() {
    return output.measures() ? 3 : 2;
  }

  @Override
  public int chunkCount(int phase) {
    return phase == 1
        ? Math.toIntExact(Math.ceilDiv(blocks, CHUNK_SCALES))
        : codes.chunkCount(0);
  }

  @Override
  public void runChunk(int phase, int chunk) {
    switch (phase) {
      case 0 -> writeCodes(chunk);
      case 1 -> quantizeScales((long) chunk * CHUNK_SCALES);
      default -> repeated.runChunk(0, chunk);
    }
  }

  private void writeCodes(int chunk) {
    codes.runChunk(0, chunk);
    if (chunksLeft.decrementAndGet() == 0) {
      takeMean();
    }
  }

  private void takeMean() {
    double sum = 0;
    for (long i = 0; i < blocks; i++) {
      sum += owner.getAtIndex(JAVA_FLOAT, i);
    }
    offset = (float) (sum / blocks);
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment target = output.claim(NESTED_OFFSET, 0, Float.BYTES, scratch);
      target.set(JAVA_FLOAT_UNALIGNED, 0, offset);
      output.commit(NESTED_OFFSET, 0, target);
    }
  }

  private void quantizeScales(long first) {
    int count = (int) Math.min(CHUNK_SCALES, blocks - first);
    long nestedOffset = first / DynamicMap.BLOCK * Float.BYTES;
    long nestedLength = Math.ceilDiv((long) count, DynamicMap.BLOCK) * Float.BYTES;
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment coded = output.claim(SCALES, first, count, scratch);
      MemorySegment nested = output.claim(NESTED_SCALES, nestedOffset, nestedLength, scratch);
      MemorySegment plain = scales.asSlice(first * Float.BYTES, (long) count * Float.BYTES);
      DynamicMap.quantize(plain, count, offset, coded, nested);
      output.commit(SCALES, first, coded);
      output.commit(NESTED_SCALES, nestedOffset, nested);
    }
  }
}
