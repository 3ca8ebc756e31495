package io.tensorbridge.quantize;

import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.internal.kernel.GroupParameters;
import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.UniformKernel;
import io.tensorbridge.quantize.internal.kernel.UniformRule;
import io.tensorbridge.quantize.internal.kernel.ValueRange;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Quantizes to {@code uniform} with groups that a chunk can't hold: the first phase finds the ranges
 * of pieces of groups, and whichever of its chunks ends last makes the parameters of them; the
 * second phase writes codes.
 *
 * <p>Joining ranges gives the same in any order, so the bytes are the same for any number of
 * threads.
 */
final class LongGroupQuantizing implements OpRun {
  private final UniformRule rule;
  private final ElementGroups grid;
  private final NonFinite nonFinite;
  private final FloatSource source;
  private final Output output;
  private final KernelChoice<UniformKernel> choice = Kernels.shared().uniformQuantizing();

  private final int groups;
  private final int piecesPerGroup;
  private final FiniteRange[] pieces;
  private final AtomicInteger piecesLeft;
  private final GroupParameters parameters;
  private final FiniteRange[] ranges;

  LongGroupQuantizing(
      UniformRule rule,
      ElementGroups grid,
      NonFinite nonFinite,
      FloatSource source,
      Output output) {
    this.rule = rule;
    this.grid = grid;
    this.nonFinite = nonFinite;
    this.source = source;
    this.output = output;
    this.groups = Math.toIntExact(grid.groups());
    this.piecesPerGroup =
        Math.toIntExact(Math.ceilDiv(grid.longestGroup(), Scratch.CHUNK_ELEMENTS));
    this.pieces = new FiniteRange[Math.multiplyExact(groups, piecesPerGroup)];
    this.piecesLeft = new AtomicInteger(pieces.length);
    this.parameters = new GroupParameters(groups);
    this.ranges = new FiniteRange[groups];
  }

  @Override
  public int phaseCount() {
    return 2;
  }

  @Override
  public int chunkCount(int phase) {
    return phase == 0
        ? pieces.length
        : Math.toIntExact(Math.ceilDiv(grid.elements(), Scratch.CHUNK_ELEMENTS));
  }

  @Override
  public void runChunk(int phase, int chunk) {
    try (Scratch scratch = Scratch.borrow()) {
      if (phase == 0) {
        findRange(chunk, scratch);
      } else {
        writeCodes(chunk, scratch);
      }
    }
  }

  private void findRange(int piece, Scratch scratch) {
    int group = piece / piecesPerGroup;
    long from =
        grid.groupStart(group) + (long) (piece % piecesPerGroup) * Scratch.CHUNK_ELEMENTS;
    int length = Math.clamp(grid.groupEnd(group) - from, 0, Scratch.CHUNK_ELEMENTS);
    pieces[piece] = length == 0 ? FiniteRange.EMPTY : rangeOf(from, length, scratch);
    if (piecesLeft.decrementAndGet() == 0) {
      makeParameters(scratch);
    }
  }

  private FiniteRange rangeOf(long from, int length, Scratch scratch) {
    MemorySegment values = source.read(from, length, scratch);
    long range = choice.forWork(length / 2).range(values, 0, length);
    if (ValueRange.isFinite(range)) {
      return new FiniteRange(range, false, false, false);
    }
    if (nonFinite == NonFinite.ERROR) {
      throw source.nonFinite(scratch);
    }
    return FiniteRange.of(values, length);
  }

  private void makeParameters(Scratch scratch) {
    for (int group = 0; group < groups; group++) {
      FiniteRange whole = FiniteRange.EMPTY;
      for (int i = 0; i < piecesPerGroup; i++) {
        whole = whole.join(pieces[group * piecesPerGroup + i]);
      }
      ranges[group] = whole;
      long clipped = whole.clipped();
      float low = ValueRange.low(clipped);
      float scale = rule.scale(low, ValueRange.high(clipped));
      parameters.set(group, scale, rule.zeroPoint(low, scale));
    }
    new ParameterParts(output, rule.symmetric()).write(0, groups, parameters, 0, scratch);
  }

  private void writeCodes(int chunk, Scratch scratch) {
    long from = (long) chunk * Scratch.CHUNK_ELEMENTS;
    int elements = (int) Math.min(Scratch.CHUNK_ELEMENTS, grid.elements() - from);
    int bits = rule.bits();
    long byteOffset = grid.packedBytes(bits, from);
    MemorySegment values = source.read(from, elements, scratch);
    MemorySegment target =
        output.claim(0, byteOffset, grid.packedBytes(bits, elements), scratch);
    MemorySegment codes = bits == 8 ? target : scratch.codes(elements);
    UniformKernel kernel = choice.forWork(elements / 2);
    boolean isCopy = false;
    for (long at = from; at < from + elements;) {
      int group = Math.toIntExact(grid.groupAt(at));
      int length = (int) (Math.min(grid.groupEnd(group), from + elements) - at);
      if (ranges[group].isClipped()) {
        values = isCopy ? values : source.readToChange(from, elements, scratch);
        isCopy = true;
        Clipping.clip(values, at - from, length, ranges[group].magnitude());
      }
      kernel.codes(
          values,
          4 * (at - from),
          length,
          parameters.scale(group),
          parameters.zeroPoint(group),
          rule.maxCode(),
          codes,
          at - from);
      at += length;
    }
    if (bits != 8) {
      kernel.pack(codes, 0, elements, bits, target, 0);
    }
    output.commit(0, byteOffset, target);
    output.quantized(chunk, from, values, scratch);
  }
}
