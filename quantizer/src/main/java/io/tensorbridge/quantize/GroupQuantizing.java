package io.tensorbridge.quantize;

import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.internal.kernel.GroupParameters;
import io.tensorbridge.quantize.internal.kernel.KernelChoice;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.UniformKernel;
import io.tensorbridge.quantize.internal.kernel.UniformRule;
import io.tensorbridge.quantize.internal.kernel.ValueRange;
import java.lang.foreign.MemorySegment;

/**
 * Quantizes to {@code uniform} with groups that fit in a chunk: a chunk is a run of whole groups
 * that begins at a whole byte of {@code data}, and is read once.
 */
final class GroupQuantizing implements OpRun {
  private final UniformScheme scheme;
  private final UniformRule rule;
  private final GroupGrid grid;
  private final NonFinite nonFinite;
  private final FloatSource source;
  private final Output output;
  private final ParameterParts parameterParts;
  private final KernelChoice<UniformKernel> choice = Kernels.shared().uniformQuantizing();
  private final long chunkGroups;

  GroupQuantizing(
      UniformScheme scheme,
      GroupGrid grid,
      NonFinite nonFinite,
      FloatSource source,
      Output output) {
    this.scheme = scheme;
    this.rule = scheme.rule();
    this.grid = grid;
    this.nonFinite = nonFinite;
    this.source = source;
    this.output = output;
    this.parameterParts = new ParameterParts(output, scheme.symmetric());
    long unit = unitGroups(scheme, grid);
    this.chunkGroups = unit * Math.max(1, Scratch.CHUNK_ELEMENTS / unitElements(grid, unit));
  }

  /** Whether chunks of whole groups and whole bytes are short enough. */
  static boolean fits(UniformScheme scheme, GroupGrid grid) {
    return unitElements(grid, unitGroups(scheme, grid)) <= Scratch.CHUNK_ELEMENTS;
  }

  /** The number of groups after which a group begins at a whole byte again. */
  private static long unitGroups(UniformScheme scheme, GroupGrid grid) {
    int perByte = 8 / scheme.bits();
    boolean rowsFillBytes = grid.rows() <= 1 || grid.columns() % perByte == 0;
    boolean groupsFillBytes = grid.columns() <= grid.groupElements()
        || grid.groupElements() % perByte == 0;
    return rowsFillBytes && groupsFillBytes ? 1 : perByte * grid.groupsPerRow();
  }

  private static long unitElements(GroupGrid grid, long unitGroups) {
    return unitGroups == 1
        ? grid.groupElements()
        : unitGroups / grid.groupsPerRow() * grid.columns();
  }

  @Override
  public int chunkCount(int phase) {
    return grid.elements() == 0 ? 0 : Math.toIntExact(Math.ceilDiv(grid.groups(), chunkGroups));
  }

  @Override
  public void runChunk(int phase, int chunk) {
    long firstGroup = chunk * chunkGroups;
    int groups = (int) Math.min(chunkGroups, grid.groups() - firstGroup);
    long from = grid.groupStart(firstGroup);
    int elements = (int) (grid.groupEnd(firstGroup + groups - 1) - from);
    UniformKernel kernel = choice.forWork(elements);
    GroupParameters parameters = new GroupParameters(groups);
    try (Scratch scratch = Scratch.borrow()) {
      int bits = scheme.bits();
      long byteOffset = grid.packedBytes(bits, from);
      long byteLength = grid.packedBytes(bits, elements);
      MemorySegment values = source.read(from, elements, scratch);
      MemorySegment target = output.claim(0, byteOffset, byteLength, scratch);
      MemorySegment codes = bits == 8 ? target : scratch.codes(elements);
      long range = quantize(kernel, values, firstGroup, groups, codes, parameters);
      if (!ValueRange.isFinite(range)) {
        values = clipped(from, elements, firstGroup, groups, scratch);
        quantize(kernel, values, firstGroup, groups, codes, parameters);
      }
      if (bits != 8) {
        kernel.pack(codes, 0, elements, bits, target, 0);
      }
      output.commit(0, byteOffset, target);
      parameterParts.write(firstGroup, groups, parameters, 0, scratch);
      output.quantized(chunk, from, values, scratch);
    }
  }

  /** Full groups in one go; the last of a row alone if it is shorter. */
  private long quantize(
      UniformKernel kernel,
      MemorySegment values,
      long firstGroup,
      int groups,
      MemorySegment codes,
      GroupParameters parameters) {
    long range = ValueRange.EMPTY;
    int at = 0;
    for (int done = 0; done < groups;) {
      int length = groupLength(firstGroup + done);
      int run = grid.isEven() ? groups : sameLength(firstGroup + done, groups - done);
      long found =
          kernel.groups(values, 4L * at, length, run, rule, codes, at, parameters, done);
      range = ValueRange.join(range, found);
      at += length * run;
      done += run;
    }
    return range;
  }

  private int groupLength(long group) {
    return (int) (grid.groupEnd(group) - grid.groupStart(group));
  }

  private int sameLength(long group, int limit) {
    long fullGroups = grid.columns() / grid.groupElements();
    long inRow = group % grid.groupsPerRow();
    return inRow < fullGroups ? (int) Math.min(limit, fullGroups - inRow) : 1;
  }

  private MemorySegment clipped(
      long from, int elements, long firstGroup, int groups, Scratch scratch) {
    if (nonFinite == NonFinite.ERROR) {
      throw source.nonFinite(scratch);
    }
    MemorySegment values = source.readToChange(from, elements, scratch);
    for (long group = firstGroup; group < firstGroup + groups; group++) {
      long start = grid.groupStart(group) - from;
      int length = groupLength(group);
      Clipping.clip(values, start, length, Clipping.magnitude(values, start, length));
    }
    return values;
  }
}
