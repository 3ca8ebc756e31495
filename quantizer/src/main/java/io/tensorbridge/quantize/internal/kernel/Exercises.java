package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** What a kernel does while it is trained: as in a chunk, only shorter. */
final class Exercises {
  private static final int ELEMENTS = Training.Exercise.ELEMENTS;
  private static final int GROUP = 32;
  private static final int HQQ_GROUP = 64;
  private static final int RANK = 16;
  private static final UniformRule RULE = new UniformRule(4, false);

  private Exercises() {}

  static Training.Exercise<BlockKernel> quantizing(BlockFormat format) {
    int blocks = ELEMENTS / format.blockElements();
    return (kernel, values, coded) -> kernel.quantize(values, 0, coded, 0, blocks);
  }

  static Training.Exercise<BlockKernel> dequantizing(BlockFormat format) {
    int blocks = ELEMENTS / format.blockElements();
    return (kernel, values, coded) -> kernel.dequantize(coded, 0, values, 0, blocks);
  }

  static Training.Exercise<GroupKernel> quantizing(GroupFormat format) {
    int group = format.trainingGroup();
    return (kernel, values, coded) -> kernel
        .quantize(values, 0, group, ELEMENTS, parts(format, coded));
  }

  static Training.Exercise<GroupKernel> dequantizing(GroupFormat format) {
    int group = format.trainingGroup();
    return (kernel, values, coded) -> kernel
        .dequantize(parts(format, coded), group, ELEMENTS, values, 0);
  }

  private static MemorySegment[] parts(GroupFormat format, MemorySegment coded) {
    MemorySegment[] parts = new MemorySegment[format.partCount()];
    long at = 0;
    for (int i = 0; i < parts.length; i++) {
      long byteLength = format.partBytes(i, format.trainingGroup(), ELEMENTS);
      parts[i] = coded.asSlice(at, byteLength);
      at += byteLength;
    }
    return parts;
  }

  static void quantizeUniform(UniformKernel kernel, MemorySegment values, MemorySegment coded) {
    int groups = ELEMENTS / GROUP;
    GroupParameters parameters = new GroupParameters(groups);
    kernel.groups(values, 0, GROUP, groups, RULE, coded, 0, parameters, 0);
    kernel.range(values, 0, ELEMENTS);
    kernel.codes(values, 0, ELEMENTS, 0.2f, 7.5f, RULE.maxCode(), coded, 0);
    kernel.pack(coded, 0, ELEMENTS, 4, coded, ELEMENTS);
    kernel.pack(coded, 0, ELEMENTS, 2, coded, ELEMENTS);
  }

  static void dequantizeUniform(UniformKernel kernel, MemorySegment values, MemorySegment coded) {
    kernel.unpack(coded, ELEMENTS, ELEMENTS, 4, coded, 0);
    kernel.unpack(coded, ELEMENTS, ELEMENTS, 2, coded, 0);
    kernel.values(coded, 0, ELEMENTS, 0.5f, 7.5f, values, 0);
  }

  /** With errors that shrink to nothing, and with others. */
  static void improve(HqqKernel kernel, MemorySegment values, MemorySegment coded) {
    improve(kernel, values, coded, 0.06f);
    improve(kernel, values, coded, 30);
  }

  private static void improve(
      HqqKernel kernel, MemorySegment values, MemorySegment coded, float high) {
    int count = ELEMENTS / HQQ_GROUP;
    HqqGroups groups = new HqqGroups(count, 4);
    for (int i = 0; i < count; i++) {
      groups.begin(i, ValueRange.join(ValueRange.of(-high), ValueRange.of(high)));
    }
    kernel.improve(values, 0, HQQ_GROUP, count, groups, 0, new double[HqqRule.PASSES_AT_ONCE]);
    kernel.codes(values, 0, HQQ_GROUP, count, groups, 0, coded, 0);
  }

  static void compare(ErrorKernel kernel, MemorySegment values, MemorySegment coded) {
    kernel.compare(values, 0, values, 0, ELEMENTS);
  }

  /** The values are the matrix as well as the factors. */
  static void addLowRank(LowRankKernel kernel, MemorySegment values, MemorySegment coded) {
    int columns = ELEMENTS / RANK;
    LowRankProduct product = new LowRankProduct(values, values, RANK, columns);
    kernel.add(values, 0, coded, 0, product, 0, RANK, 0, columns);
  }

  static void addWeighted(WeightedSumKernel kernel, MemorySegment values, MemorySegment coded) {
    MemorySegment[] terms = {values, values, values};
    kernel.sum(terms, new float[]{1, 0.5f, 0.25f}, coded, ELEMENTS);
    kernel.sum(Arrays.copyOf(terms, 2), new float[]{1, 0.5f}, coded, ELEMENTS);
  }
}
