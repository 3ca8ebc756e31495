package io.tensorbridge.quantize.internal.kernel;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Every kernel of this JVM, scalar or vector: decided, and logged, once; thread-safe.
 *
 * <p>Without the module {@code jdk.incubator.vector} the scalar kernels serve, and no class that
 * imports it is loaded. {@link KernelPolicy} says how one twin is measured alone.
 */
public final class Kernels {
  private static final System.Logger LOG = System.getLogger(Kernels.class.getName());

  private final Map<BlockFormat, KernelChoice<BlockKernel>> quantizing;
  private final Map<BlockFormat, KernelChoice<BlockKernel>> dequantizing;
  private final Map<GroupFormat, KernelChoice<GroupKernel>> groupQuantizing;
  private final Map<GroupFormat, KernelChoice<GroupKernel>> groupDequantizing;
  private final KernelChoice<UniformKernel> uniformQuantizing;
  private final KernelChoice<UniformKernel> uniformDequantizing;
  private final KernelChoice<HqqKernel> hqq;
  private final KernelChoice<ErrorKernel> errors;
  private final KernelChoice<LowRankKernel> lowRank;
  private final Map<BlockFormat, KernelChoice<WeightedSumKernel>> weightedSum;

  private Kernels(KernelPolicy policy) {
    boolean vectors = policy != KernelPolicy.SCALAR;
    Map<BlockFormat, KernelChoice<BlockKernel>> quantizing = new EnumMap<>(BlockFormat.class);
    Map<BlockFormat, KernelChoice<BlockKernel>> dequantizing = new EnumMap<>(BlockFormat.class);
    for (BlockFormat format : BlockFormat.values()) {
      quantizing.put(
          format, blockChoice(format, vectors, Exercises.quantizing(format), format.pace()));
      dequantizing.put(
          format,
          blockChoice(
              format, vectors, Exercises.dequantizing(format), TrainingPace.PATIENT));
    }
    this.quantizing = Collections.unmodifiableMap(quantizing);
    this.dequantizing = Collections.unmodifiableMap(dequantizing);
    Map<GroupFormat, KernelChoice<GroupKernel>> groupQuantizing = new EnumMap<>(GroupFormat.class);
    Map<GroupFormat, KernelChoice<GroupKernel>> groupDequantizing =
        new EnumMap<>(GroupFormat.class);
    for (GroupFormat format : GroupFormat.values()) {
      groupQuantizing.put(format, groupChoice(format, vectors, Exercises.quantizing(format)));
      groupDequantizing.put(format, groupChoice(format, vectors, Exercises.dequantizing(format)));
    }
    this.groupQuantizing = Collections.unmodifiableMap(groupQuantizing);
    this.groupDequantizing = Collections.unmodifiableMap(groupDequantizing);
    this.uniformQuantizing = uniformChoice(vectors, Exercises::quantizeUniform);
    this.uniformDequantizing = uniformChoice(vectors, Exercises::dequantizeUniform);
    this.hqq =
        new KernelChoice<>(
            "hqq", new ScalarHqq(), vectors ? () -> new VectorHqq() : null, Exercises::improve);
    this.errors =
        new KernelChoice<>(
            "errors",
            new ScalarErrors(),
            vectors ? () -> new VectorErrors() : null,
            Exercises::compare);
    this.lowRank =
        new KernelChoice<>(
            "low rank",
            new ScalarLowRank(),
            vectors ? () -> new VectorLowRank() : null,
            Exercises::addLowRank);
    this.weightedSum =
        Map.of(
            BlockFormat.F32,
            sumChoice(BlockFormat.F32, vectors ? () -> new VectorWeightedSum() : null),
            BlockFormat.F16,
            sumChoice(BlockFormat.F16, vectors ? () -> new VectorWeightedSumF16() : null),
            BlockFormat.BF16,
            sumChoice(BlockFormat.BF16, vectors ? () -> new VectorWeightedSumBf16() : null));
    if (policy == KernelPolicy.VECTOR) {
      quantizing.values().forEach(KernelChoice::vectorOnly);
      dequantizing.values().forEach(KernelChoice::vectorOnly);
      groupQuantizing.values().forEach(KernelChoice::vectorOnly);
      groupDequantizing.values().forEach(KernelChoice::vectorOnly);
      uniformQuantizing.vectorOnly();
      uniformDequantizing.vectorOnly();
      hqq.vectorOnly();
      errors.vectorOnly();
      lowRank.vectorOnly();
      weightedSum.values().forEach(KernelChoice::vectorOnly);
    }
  }

  private static KernelChoice<BlockKernel> blockChoice(
      BlockFormat format,
      boolean vectors,
      Training.Exercise<BlockKernel> exercise,
      TrainingPace pace) {
    return new KernelChoice<>(
        format.name(),
        format.scalar(),
        vectors && format.hasVector() ? format::vector : null,
        exercise,
        pace);
  }

  private static KernelChoice<GroupKernel> groupChoice(
      GroupFormat format, boolean vectors, Training.Exercise<GroupKernel> exercise) {
    return new KernelChoice<>(
        format.name(),
        format.scalar(),
        vectors && format.hasVector() ? format::vector : null,
        exercise);
  }

  private static KernelChoice<UniformKernel> uniformChoice(
      boolean vectors, Training.Exercise<UniformKernel> exercise) {
    return new KernelChoice<>(
        "uniform", new ScalarUniform(), vectors ? () -> new VectorUniform() : null, exercise);
  }

  private static KernelChoice<WeightedSumKernel> sumChoice(
      BlockFormat format, @Nullable Supplier<WeightedSumKernel> vector) {
    return new KernelChoice<>(
        "weighted sum of " + format.name(),
        new ScalarWeightedSum(format),
        vector,
        Exercises::addWeighted);
  }

  /** Built at the first use, once in the life of the JVM, as its compiled code is. */
  private static final class Shared {
    static final Kernels KERNELS = detect();
  }

  /**
   * The kernels of this JVM.
   *
   * @return always the same
   */
  public static Kernels shared() {
    return Shared.KERNELS;
  }

  private static Kernels detect() {
    boolean vectors = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    KernelPolicy policy = KernelPolicy.ofProperty(vectors);
    if (policy != KernelPolicy.SCALAR) {
      LOG.log(System.Logger.Level.DEBUG, "vector kernels of {0} lanes", Lanes.COUNT);
    } else if (!vectors) {
      LOG.log(
          System.Logger.Level.INFO,
          "scalar kernels serve; --add-modules jdk.incubator.vector makes quantization faster");
    }
    return new Kernels(policy);
  }

  /**
   * The kernel that quantizes to a format.
   *
   * @param format the format
   * @return its choice
   */
  public KernelChoice<BlockKernel> quantizing(BlockFormat format) {
    return Objects.requireNonNull(quantizing.get(format), "every format has one");
  }

  /**
   * The kernel that dequantizes from a format.
   *
   * @param format the format
   * @return its choice
   */
  public KernelChoice<BlockKernel> dequantizing(BlockFormat format) {
    return Objects.requireNonNull(dequantizing.get(format), "every format has one");
  }

  /**
   * The kernel that quantizes to a format with groups.
   *
   * @param format the format
   * @return its choice
   */
  public KernelChoice<GroupKernel> quantizing(GroupFormat format) {
    return Objects.requireNonNull(groupQuantizing.get(format), "every format has one");
  }

  /**
   * The kernel that dequantizes from a format with groups.
   *
   * @param format the format
   * @return its choice
   */
  public KernelChoice<GroupKernel> dequantizing(GroupFormat format) {
    return Objects.requireNonNull(groupDequantizing.get(format), "every format has one");
  }

  /**
   * The kernel that quantizes to {@code uniform}.
   *
   * @return its choice
   */
  public KernelChoice<UniformKernel> uniformQuantizing() {
    return uniformQuantizing;
  }

  /**
   * The kernel that dequantizes from {@code uniform}.
   *
   * @return its choice
   */
  public KernelChoice<UniformKernel> uniformDequantizing() {
    return uniformDequantizing;
  }

  /**
   * The kernel that quantizes as hqq does.
   *
   * @return its choice
   */
  public KernelChoice<HqqKernel> hqq() {
    return hqq;
  }

  /**
   * The kernel that compares values with what became of them.
   *
   * @return its choice
   */
  public KernelChoice<ErrorKernel> errors() {
    return errors;
  }

  /**
   * The kernel that adds a product of low rank.
   *
   * @return its choice
   */
  public KernelChoice<LowRankKernel> lowRank() {
    return lowRank;
  }

  /**
   * The kernel that adds up weighted terms.
   *
   * @param format of terms and sums: {@code F32}, {@code F16} or {@code BF16}
   * @return its choice
   */
  public KernelChoice<WeightedSumKernel> weightedSum(BlockFormat format) {
    return Objects.requireNonNull(weightedSum.get(format), "only plain formats have one");
  }
}
