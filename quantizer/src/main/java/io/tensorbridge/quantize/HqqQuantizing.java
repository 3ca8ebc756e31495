package io.tensorbridge.quantize;

import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.internal.kernel.HqqGroups;
import io.tensorbridge.quantize.internal.kernel.HqqKernel;
import io.tensorbridge.quantize.internal.kernel.HqqRule;
import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.UniformKernel;
import io.tensorbridge.quantize.internal.kernel.ValueRange;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Quantizes to a {@link HqqScheme}: phases of some passes each that improve the zero points, the
 * first of which makes scales, and one that writes codes. Once a pass brings no smaller error over
 * the whole tensor, the zero points that it made stay, as in hqq, and the phases that are left do
 * nothing; a chunk does not know of the others' errors, and makes the passes of a phase in any case.
 *
 * <p>The scales of all groups and the zero points of the passes of a phase are kept in memory between
 * phases, 44 bytes for each group: a sixth of the tensor with groups of 64. Errors are summed for each chunk, and those in the order
 * of chunks, so that the bytes do not depend on threads.
 */
final class HqqQuantizing implements OpRun {
  private static final int PASS_PHASES = HqqRule.PASSES / HqqRule.PASSES_AT_ONCE;
  private static final int SCALES = 1;
  private static final int ZERO_POINTS = 2;

  private final int group;
  private final long elements;
  private final NonFinite nonFinite;
  private final FloatSource source;
  private final Output output;
  private final HqqPlanes planes;
  private final HqqGroups groups;
  private final KernelChoice<HqqKernel> choice = Kernels.shared().hqq();
  private final KernelChoice<UniformKernel> ranges = Kernels.shared().uniformQuantizing();
  private final int codeChunkElements;

  /** Which chunks of a pass hold values that were clipped. */
  private final boolean[] clipped;

  /** The summed errors of the chunks, for each pass of the phase in work. */
  private final double[][] errors;

  private final AtomicInteger chunksLeft;
  private float bestError = Float.POSITIVE_INFINITY;
  private boolean isSettled;

  HqqQuantizing(
      HqqScheme scheme, long elements, NonFinite nonFinite, FloatSource source, Output output) {
    this.group = scheme.group();
    this.elements = elements;
    this.nonFinite = nonFinite;
    this.source = source;
    this.output = output;
    this.planes = HqqPlanes.of(scheme, elements);
    this.groups = new HqqGroups(Math.toIntExact(elements / group), scheme.bits());
    this.codeChunkElements = Scratch.CHUNK_ELEMENTS / planes.count();
    int chunks = Math.toIntExact(Math.ceilDiv(elements, Scratch.CHUNK_ELEMENTS));
    this.clipped = new boolean[chunks];
    this.errors = new double[chunks][HqqRule.PASSES_AT_ONCE];
    this.chunksLeft = new AtomicInteger(chunks);
  }

  @Override
  public int phaseCount() {
    return PASS_PHASES + 1;
  }

  @Override
  public int chunkCount(int phase) {
    return phase < PASS_PHASES
        ? errors.length
        : Math.toIntExact(Math.ceilDiv(planes.planeElements(), codeChunkElements));
  }

  @Override
  public void runChunk(int phase, int chunk) {
    if (phase == PASS_PHASES) {
      writeCodes((long) chunk * codeChunkElements);
    } else if (!isSettled) {
      improve(phase, chunk);
    }
  }

  private void improve(int phase, int chunk) {
    long first = (long) chunk * Scratch.CHUNK_ELEMENTS;
    int count = (int) Math.min(Scratch.CHUNK_ELEMENTS, elements - first);
    int firstGroup = (int) (first / group);
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment values = phase == 0
          ? checked(first, count, chunk, scratch)
          : read(first, count, scratch);
      if (phase == 0) {
        makeScales(values, count, firstGroup);
      }
      choice.forWork(count)
          .improve(values, 0, group, count / group, groups, firstGroup, errors[chunk]);
    }
    if (chunksLeft.decrementAndGet() == 0) {
      endPhase();
    }
  }

  private void endPhase() {
    for (int pass = 0; pass < HqqRule.PASSES_AT_ONCE && !isSettled; pass++) {
      double sum = 0;
      for (double[] ofChunk : errors) {
        sum += ofChunk[pass];
      }
      float error = (float) (sum / elements);
      isSettled = !(error < bestError);
      bestError = error;
      groups.settle(pass);
    }
    chunksLeft.set(errors.length);
  }

  private MemorySegment checked(long first, int count, int chunk, Scratch scratch) {
    MemorySegment values = source.read(first, count, scratch);
    if (ValueRange.isFinite(ranges.forWork(count / 2).range(values, 0, count))) {
      return values;
    }
    if (nonFinite == NonFinite.ERROR) {
      throw source.nonFinite(scratch);
    }
    clipped[chunk] = true;
    return read(first, count, scratch);
  }

  /** The values of a run, clipped where the first pass found that to be needed. */
  private MemorySegment read(long first, int count, Scratch scratch) {
    boolean needed = false;
    int last = (int) ((first + count - 1) / Scratch.CHUNK_ELEMENTS);
    for (int chunk = (int) (first / Scratch.CHUNK_ELEMENTS); chunk <= last; chunk++) {
      needed |= clipped[chunk];
    }
    if (!needed) {
      return source.read(first, count, scratch);
    }
    MemorySegment values = source.readToChange(first, count, scratch);
    Clipping.clipGroups(values, count, group);
    return values;
  }

  private void makeScales(MemorySegment values, int count, int firstGroup) {
    UniformKernel kernel = ranges.forWork(0);
    for (int i = 0; i < count / group; i++) {
      groups.begin(firstGroup + i, kernel.range(values, 4L * i * group, group));
    }
  }

  /** A run of bytes, with the elements of all planes that it holds. */
  private void writeCodes(long first) {
    int count = (int) Math.min(codeChunkElements, planes.planeElements() - first);
    HqqKernel kernel = choice.forWork(0);
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment data = output.claim(0, first, count, scratch);
      for (int plane = 0; plane < planes.count(); plane++) {
        long from = plane * planes.planeElements() + first;
        MemorySegment values = read(from, count, scratch);
        MemorySegment codes = planes.count() == 1 ? data : scratch.codes(count);
        int firstGroup = (int) (from / group);
        kernel.codes(values, 0, group, count / group, groups, firstGroup, codes, 0);
        if (planes.count() > 1) {
          planes.pack(plane, codes, data);
        }
        writeParameters(firstGroup, count / group, scratch);
        // the bits of this plane are complete, those of the others don't matter to its values
        output.quantized((int) (from / codeChunkElements), from, values, scratch);
      }
      output.commit(0, first, data);
    }
  }

  private void writeParameters(int firstGroup, int count, Scratch scratch) {
    long byteOffset = (long) firstGroup * Float.BYTES;
    long byteLength = (long) count * Float.BYTES;
    MemorySegment scales = output.claim(SCALES, byteOffset, byteLength, scratch);
    groups.storeScales(firstGroup, count, scales);
    output.commit(SCALES, byteOffset, scales);
    MemorySegment zeroPoints = output.claim(ZERO_POINTS, byteOffset, byteLength, scratch);
    groups.storeZeroPoints(firstGroup, count, zeroPoints);
    output.commit(ZERO_POINTS, byteOffset, zeroPoints);
  }
}
