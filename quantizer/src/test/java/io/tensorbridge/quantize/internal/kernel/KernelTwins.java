package io.tensorbridge.quantize.internal.kernel;

import io.tensorbridge.quantize.Golden;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/** Compares the twins bit by bit; also run as a program, by JVMs with other vector lengths. */
final class KernelTwins {
  private static final int MISALIGNED = 3;

  /** What ggml doesn't have. */
  static final Set<BlockFormat> FOREIGN = EnumSet.of(BlockFormat.F8_E4M3, BlockFormat.F8_E5M2);

  private KernelTwins() {}

  /** Compares everything and prints the number of lanes. */
  public static void main(String[] arguments) {
    for (BlockFormat format : BlockFormat.values()) {
      if (format.hasVector()) {
        if (!FOREIGN.contains(format)) {
          compareWithGgml(format, format.vector());
        }
        for (int blocks = 1; blocks <= 130; blocks++) {
          compareBlocks(format, blocks);
        }
      }
    }
    for (GroupFormat format : GroupFormat.values()) {
      for (int count = 1; count <= 130 && format.hasVector(); count++) {
        compareGroups(format, count);
      }
    }
    for (int count = 1; count <= 130; count++) {
      compareUniform(count);
      compareErrors(count);
      compareLowRank(count);
      compareWeightedSum(count);
    }
    compareWeightedSum(2_700);
    compareHqq(33);
    System.out.println(Lanes.COUNT + " lanes");
  }

  /** The golden bytes of ggml, by either twin. */
  static void compareWithGgml(BlockFormat format, BlockKernel kernel) {
    MemorySegment expected = MemorySegment.ofArray(Golden.ggml(format.name()));
    int blocks = Golden.ROWS * Golden.COLUMNS / format.blockElements();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment input = Native.view(Golden.input(arena));
      MemorySegment coded = Native.view(arena.allocate(expected.byteSize()));
      kernel.quantize(input, 0, coded, 0, blocks);
      long at = coded.mismatch(expected);
      require(at < 0, kernel + " differs from ggml at byte " + at);
      requireValuesOfGgml(format, kernel, coded, blocks);
      requireEdgesOfGgml(format, kernel, arena);
    }
  }

  private static void requireValuesOfGgml(
      BlockFormat format, BlockKernel kernel, MemorySegment coded, int blocks) {
    int elements = blocks * format.blockElements();
    ByteBuffer values = ByteBuffer.allocate(4 * elements).order(ByteOrder.LITTLE_ENDIAN);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment decoded = Native.view(arena.allocate(4L * elements));
      kernel.dequantize(coded, 0, decoded, 0, blocks);
      for (int i = 0; i < elements; i++) {
        float value = decoded.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i);
        values.putInt(Float.floatToIntBits(value));
      }
    }
    String expected = Golden.hash("values", format.name()).orElseThrow();
    require(
        Golden.hashOf(values.array()).equals(expected),
        kernel + " dequantizes otherwise than ggml");
  }

  /** For the types whose edges have a hash. */
  private static void requireEdgesOfGgml(BlockFormat format, BlockKernel kernel, Arena arena) {
    Optional<String> expected = Golden.hash("edges", format.name());
    if (expected.isPresent()) {
      MemorySegment edges = Native.view(Golden.edges(arena));
      int blocks = (int) (edges.byteSize() / Float.BYTES / format.blockElements());
      MemorySegment coded = Native.view(arena.allocate((long) blocks * format.blockBytes()));
      kernel.quantize(edges, 0, coded, 0, blocks);
      require(
          Golden.hashOf(coded.toArray(ValueLayout.JAVA_BYTE)).equals(expected.get()),
          kernel + " differs from ggml in edges.f32");
    }
  }

  static void compareBlocks(BlockFormat format, int blocks) {
    BlockKernel scalar = format.scalar();
    BlockKernel vector = format.vector();
    int elements = blocks * format.blockElements();
    long byteLength = (long) blocks * format.blockBytes();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = values(arena, elements, blocks);
      MemorySegment[] coded = pair(arena, byteLength);
      MemorySegment[] decoded = pair(arena, 4L * elements);
      int expected = scalar.quantize(values, MISALIGNED, coded[0], MISALIGNED, blocks);
      int found = vector.quantize(values, MISALIGNED, coded[1], MISALIGNED, blocks);
      scalar.dequantize(coded[0], MISALIGNED, decoded[0], MISALIGNED, blocks);
      vector.dequantize(coded[0], MISALIGNED, decoded[1], MISALIGNED, blocks);
      require(expected == found, format + " magnitude of " + blocks + " blocks");
      requireSame(coded, format + " codes of " + blocks + " blocks");
      requireSame(decoded, format + " values of " + blocks + " blocks");
      if (format.takesImportance()) {
        compareWeighted(format, blocks, values, coded);
      }
    }
  }

  /** A few groups whose size or number is the count, the last one short if it may be. */
  static void compareGroups(GroupFormat format, int count) {
    int training = format.trainingGroup();
    switch (training) {
      case 16, 32 -> compareGroups(format, training, count * training);
      case 64 -> comparePackedGroups(format, count);
      case 128 -> compareGroups(format, count, 3 * count - count / 2);
      default -> compareGroups(format, 128 * count, 133 * count);
    }
  }

  /** Groups of an even length, full and not, alone and many; or one of any length. */
  private static void comparePackedGroups(GroupFormat format, int count) {
    compareGroups(format, 32, count);
    compareGroups(format, 64, count);
    compareGroups(format, count, count);
    if (count % 8 == 1) {
      compareGroups(format, 32, 37 * count);
      compareGroups(format, 48, 41 * count);
      compareGroups(format, 128, 23 * count);
      compareGroups(format, 2048, 31 * count);
      compareGroups(format, 31 * count, 31 * count);
    }
  }

  private static void compareGroups(GroupFormat format, int groupElements, int elements) {
    String what = format + " of " + elements + " in groups of " + groupElements;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = values(arena, elements, elements);
      MemorySegment[] decoded = pair(arena, 4L * elements);
      MemorySegment[][] parts = new MemorySegment[2][format.partCount()];
      MemorySegment[][] pairs = new MemorySegment[format.partCount()][];
      for (int part = 0; part < pairs.length; part++) {
        long byteLength = format.partBytes(part, groupElements, elements);
        pairs[part] = pair(arena, byteLength);
        for (int i = 0; i < 2; i++) {
          parts[i][part] = pairs[part][i].asSlice(MISALIGNED, byteLength);
          if (format.isOfTensor(part)) {
            parts[i][part].set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, format.tensorScale(0.3f));
          }
        }
      }
      GroupKernel[] twins = {format.scalar(), format.vector()};
      int[] magnitudes = new int[2];
      for (int i = 0; i < 2; i++) {
        magnitudes[i] =
            twins[i].quantize(values, MISALIGNED, groupElements, elements, parts[i]);
        twins[i].dequantize(parts[0], groupElements, elements, decoded[i], MISALIGNED);
      }
      require(magnitudes[0] == magnitudes[1], "magnitude, " + what);
      for (int part = 0; part < pairs.length; part++) {
        requireSame(pairs[part], "part " + part + ", " + what);
      }
      requireSame(decoded, "values, " + what);
    }
  }

  /** Passes and codes of some groups; every eighth is so wide that its errors don't shrink away. */
  static void compareHqq(int count) {
    for (int group : new int[]{32, 64, 128}) {
      for (int bits : new int[]{2, 4, 8}) {
        compareHqq(count, group, bits);
      }
    }
  }

  private static void compareHqq(int count, int group, int bits) {
    HqqKernel[] twins = {new ScalarHqq(), new VectorHqq()};
    MemorySegment[] coded = new MemorySegment[2];
    HqqGroups[] groups = new HqqGroups[2];
    double[][] errors = new double[2][HqqRule.PASSES_AT_ONCE];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment source = Native.view(arena.allocate(4L * count * group + MISALIGNED));
      Random random = new Random(group + bits);
      for (int i = 0; i < count * group; i++) {
        double deviation = i / group % 8 == 5 ? 30 : 0.02;
        source.set(
            ValueLayout.JAVA_FLOAT_UNALIGNED,
            MISALIGNED + 4L * i,
            (float) (deviation * random.nextGaussian()));
      }
      for (int twin = 0; twin < 2; twin++) {
        coded[twin] = Native.view(arena.allocate((8L + group) * count + MISALIGNED));
        groups[twin] = new HqqGroups(count, bits);
        for (int i = 0; i < count; i++) {
          long from = MISALIGNED + 4L * i * group;
          groups[twin].begin(i, new ScalarUniform().range(source, from, group));
        }
        for (int pass = 0; pass < HqqRule.PASSES; pass += HqqRule.PASSES_AT_ONCE) {
          twins[twin]
              .improve(source, MISALIGNED, group, count, groups[twin], 0, errors[twin]);
        }
        MemorySegment codes = coded[twin].asSlice(8L * count);
        twins[twin].codes(source, MISALIGNED, group, count, groups[twin], 0, codes, MISALIGNED);
        groups[twin].storeScales(0, count, coded[twin]);
        groups[twin].storeZeroPoints(0, count, coded[twin].asSlice(4L * count));
      }
      String what = "hqq of " + bits + " bits in groups of " + group;
      require(
          Arrays.equals(errors[0], errors[1]),
          what + ": " + Arrays.toString(errors[0]) + Arrays.toString(errors[1]));
      requireSame(coded, what);
    }
  }

  static void compareErrors(int count) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment original = values(arena, count, 1);
      MemorySegment copy = values(arena, count, 2);
      ErrorSums expected =
          new ScalarErrors().compare(original, MISALIGNED, copy, MISALIGNED, count);
      ErrorSums found = new VectorErrors().compare(original, MISALIGNED, copy, MISALIGNED, count);
      require(expected.equals(found), "errors of " + count + ": " + expected + " " + found);
    }
  }

  /** Columns of a wider matrix, at odd places: in place, and into other memory. */
  static void compareLowRank(int count) {
    int rank = 1 + count % 19;
    int height = 1 + count % 23;
    int column = count * 7 % 41;
    int width = column + count + 3;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment factors = values(arena, (height + 2) * rank, 3);
      MemorySegment matrix = values(arena, rank * (width + 31), 4);
      LowRankProduct product =
          new LowRankProduct(
              factors.asSlice(MISALIGNED), matrix.asSlice(MISALIGNED), rank, width);
      MemorySegment source = values(arena, height * width, 5);
      MemorySegment[] rows = {values(arena, height * width, 5), values(arena, height * width, 5)};
      MemorySegment[] others = {values(arena, height * width, 6), values(arena, height * width, 6)};
      LowRankKernel[] twins = {new ScalarLowRank(), new VectorLowRank()};
      for (int i = 0; i < 2; i++) {
        twins[i].add(
            rows[i], MISALIGNED, rows[i], MISALIGNED, product, 2, height, column, count);
        twins[i].add(source, MISALIGNED, others[i], MISALIGNED, product, 2, height, column, count);
      }
      String what = "a product of rank " + rank + " added to " + height + " x " + count;
      requireSame(rows, what);
      requireSame(others, what + " elsewhere");
    }
  }

  /** One to six terms of each format at odd places, of all magnitudes; some sums overflow. */
  static void compareWeightedSum(int count) {
    compareWeightedSum(BlockFormat.F32, new VectorWeightedSum(), count);
    compareWeightedSum(BlockFormat.F16, new VectorWeightedSumF16(), count);
    compareWeightedSum(BlockFormat.BF16, new VectorWeightedSumBf16(), count);
  }

  private static void compareWeightedSum(
      BlockFormat format, WeightedSumKernel vector, int count) {
    float[] weights = {1, -0.3f, 1.25f, 0.7f, 3e8f, -2};
    int size = format.blockBytes();
    WeightedSumKernel[] twins = {new ScalarWeightedSum(format), vector};
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment[] terms = new MemorySegment[weights.length];
      for (int i = 0; i < terms.length; i++) {
        MemorySegment stored = Native.view(arena.allocate((long) size * count + 2 * MISALIGNED));
        format
            .scalar()
            .quantize(values(arena, count, 7 + i), MISALIGNED, stored, MISALIGNED, count);
        terms[i] = stored.asSlice(MISALIGNED, (long) size * count);
      }
      for (int used = 1; used <= terms.length; used++) {
        MemorySegment[] sums = pair(arena, (long) size * count);
        boolean[] finite = new boolean[2];
        for (int i = 0; i < 2; i++) {
          MemorySegment target = sums[i].asSlice(MISALIGNED, (long) size * count);
          finite[i] = twins[i].sum(Arrays.copyOf(terms, used), weights, target, count);
        }
        require(finite[0] == finite[1], "whether " + count + " sums of " + format + " are finite");
        requireSame(sums, count + " sums of " + used + " terms of " + format);
      }
      MemorySegment expected = arena.allocate((long) size * count);
      twins[0].sum(terms, weights, Native.view(expected), count);
      vector.sum(terms, weights, terms[0], count);
      require(terms[0].mismatch(expected) < 0, count + " sums in place of " + format);
    }
  }

  private static void compareWeighted(
      BlockFormat format, int blocks, MemorySegment values, MemorySegment[] coded) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment importances = Native.view(arena.allocate(values.byteSize()));
      Random random = new Random(-blocks);
      for (int i = 0; i < blocks * format.blockElements(); i++) {
        float importance = random.nextInt(9) == 0 || i / 32 % 11 == 5 ? 0 : random.nextFloat() * 7;
        importances.set(ValueLayout.JAVA_FLOAT_UNALIGNED, MISALIGNED + 4L * i, importance);
      }
      BlockKernel[] twins = {format.scalar(), format.vector()};
      int[] magnitudes = new int[2];
      for (int i = 0; i < 2; i++) {
        magnitudes[i] =
            ((ImportanceKernel) twins[i])
                .quantize(
                    values, MISALIGNED, importances, MISALIGNED, coded[i], MISALIGNED, blocks);
      }
      require(magnitudes[0] == magnitudes[1], format + " weighted magnitude of " + blocks);
      requireSame(coded, format + " weighted codes of " + blocks + " blocks");
    }
  }

  static void compareUniform(int count) {
    UniformKernel scalar = new ScalarUniform();
    UniformKernel vector = new VectorUniform();
    for (int bits : new int[]{2, 4, 8}) {
      for (boolean symmetric : new boolean[]{false, true}) {
        UniformRule rule = new UniformRule(bits, symmetric);
        compareUniform(scalar, vector, rule, count);
      }
    }
  }

  private static void compareUniform(
      UniformKernel scalar, UniformKernel vector, UniformRule rule, int count) {
    int groups = 3;
    int elements = groups * count;
    String what = rule + " of " + groups + " groups of " + count;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = values(arena, elements, count);
      MemorySegment[] codes = pair(arena, elements);
      MemorySegment[] packed = pair(arena, elements);
      MemorySegment[] unpacked = pair(arena, elements);
      MemorySegment[] decoded = pair(arena, 4L * elements);
      GroupParameters[] parameters = {new GroupParameters(3), new GroupParameters(3)};
      long[] ranges = new long[2];
      UniformKernel[] twins = {scalar, vector};
      for (int i = 0; i < 2; i++) {
        UniformKernel twin = twins[i];
        ranges[i] =
            twin.groups(
                values, MISALIGNED, count, groups, rule, codes[i], MISALIGNED, parameters[i], 0);
        twin.pack(codes[0], MISALIGNED, elements, rule.bits(), packed[i], MISALIGNED);
        twin.unpack(packed[0], MISALIGNED, elements, rule.bits(), unpacked[i], MISALIGNED);
        twin.values(codes[0], MISALIGNED, elements, 0.3f, 7.7f, decoded[i], MISALIGNED);
      }
      require(ranges[0] == ranges[1], "range, " + what);
      requireSame(codes, "codes, " + what);
      requireSame(packed, "packed, " + what);
      require(codes[0].mismatch(unpacked[0]) < 0, "unpacked again, " + what);
      requireSame(unpacked, "unpacked, " + what);
      requireSame(decoded, "values, " + what);
      for (int group = 0; group < groups; group++) {
        float scale = parameters[0].scale(group);
        require(scale == parameters[1].scale(group), "scale, " + what);
        float zeroPoint = parameters[0].zeroPoint(group);
        require(zeroPoint == parameters[1].zeroPoint(group), "zero point, " + what);
      }
    }
  }

  /** Values of all kinds: ties, zeros of both signs, wide and tiny ranges. */
  private static MemorySegment values(Arena arena, int count, int seed) {
    MemorySegment values = Native.view(arena.allocate(4L * count + 2 * MISALIGNED));
    Random random = new Random(seed);
    for (int i = 0; i < count; i++) {
      float value = (float) random.nextGaussian();
      switch (i / 32 % 8) {
        case 0 -> value *= 1e-40f;
        case 1 -> value = Math.round(value * 4) * 0.25f;
        case 2 -> value *= 1e30f;
        case 3 -> value = random.nextBoolean() ? 0f : -0f;
        case 4 -> value = random.nextBoolean() ? 1.5f : -1.5f;
        case 5 -> value = Float.intBitsToFloat(Float.floatToIntBits(value) & 0xffff0000);
        default -> value *= 0.02f;
      }
      values.set(ValueLayout.JAVA_FLOAT_UNALIGNED, MISALIGNED + 4L * i, value);
    }
    return values;
  }

  private static MemorySegment[] pair(Arena arena, long byteLength) {
    long size = byteLength + 2 * MISALIGNED;
    return new MemorySegment[]{Native.view(arena.allocate(size)),
        Native.view(arena.allocate(size))};
  }

  private static void requireSame(MemorySegment[] pair, String what) {
    long at = pair[0].mismatch(pair[1]);
    require(at < 0, what + " differ at byte " + (at - MISALIGNED));
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new AssertionError(what);
    }
  }
}
