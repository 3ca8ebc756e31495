package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantization;
import io.tensorbridge.quantize.Quantizer;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.lora.LoraMerge;
import io.tensorbridge.quantize.lora.LoraSelection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Turns a model file into another one: planned as a whole first, then streamed in chunks by any
 * number of threads.
 *
 * <p>The output appears whole or not at all, with the same bytes for any number of threads. Memory
 * is about two megabytes a thread, whatever the size of the tensors, beside the mapped input. {@link
 * #cancel()} may be called from any thread; everything else belongs to one.
 */
public final class ModelConversion implements AutoCloseable {
  /** Hears how far a conversion is. */
  @FunctionalInterface
  public interface ProgressListener {
    /**
     * Work was done; called by the working threads, in turn, with rising numbers.
     *
     * @param doneBytes read and written so far
     * @param totalBytes to be read and written; grows where tensors miss a gate or are left out, as
     *     that makes another pass
     */
    void progressed(long doneBytes, long totalBytes);
  }

  /** The JVM with its code, heap and compiled methods, measured. */
  private static final long BASE_BYTES = 160L << 20;

  /** Scratch memory for a chunk in all its forms, and a stack. */
  private static final long BYTES_PER_THREAD = 4L << 20;

  private final TensorFile input;
  private final TensorFileFormat format;
  private final Path target;
  private final String scheme;
  private final ConversionRun.Mode mode;
  private final @Nullable RungSearch search;
  private @Nullable SurvivalAdvice advice;
  private final List<String> warnings = new ArrayList<>();
  private final Map<String, BridgeException> failures = new LinkedHashMap<>();
  private final ConversionRun.Cancellation cancellation = new ConversionRun.Cancellation();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private List<TensorPlan> plans = List.of();
  private long maxShardBytes = ShardedSafetensorsWriter.DEFAULT_SHARD_BYTES;

  private ModelConversion(
      TensorFile input,
      TensorFileFormat format,
      Path target,
      String scheme,
      ConversionRun.Mode mode,
      @Nullable RungSearch search) {
    this.input = input;
    this.format = format;
    this.target = target;
    this.scheme = scheme;
    this.mode = mode;
    this.search = search;
  }

  /**
   * Plans to quantize a model.
   *
   * @param formats the known formats
   * @param source the model, of any format that can be read
   * @param target the new file; its ending chooses the format
   * @param options what to do
   * @return the plan, which keeps the input open and is owned by the caller
   * @throws OptionException if the target's format can't hold a scheme, or source and target are
   *     one file
   * @throws FormatException if the input breaks a rule of its format
   * @throws TensorException if a tensor can't be converted and errors end the conversion
   */
  public static ModelConversion quantize(
      TensorFileFormats formats, Path source, Path target, ConversionOptions options) {
    TensorFileFormat format = formats.forPath(target);
    ConversionPlanner planner = new ConversionPlanner(formats, format, options);
    ModelConversion conversion =
        open(
            formats, source, format, target, options.scheme().toString(), mode(options),
            search(options, format, planner));
    conversion.advice =
        new SurvivalAdvice(planner, new QualityLadder(List.of(), format));
    return conversion.planned(tensors -> {
      conversion.warnOfIdleOverrides(options, tensors);
      LoraMerge merge = conversion.match(options.lora(), tensors);
      ConversionPlanner known = planner.forModel(tensors);
      return tensor -> known.plan(tensor, merge.delta(tensor.name()));
    });
  }

  /**
   * Plans to turn a model's quantized tensors into float32; plain ones are copied.
   *
   * @param formats the known formats
   * @param source the model, of any format that can be read
   * @param target the new file; its ending chooses the format
   * @return the plan, which keeps the input open and is owned by the caller
   * @throws OptionException if source and target are one file
   * @throws FormatException if the input breaks a rule of its format
   * @throws TensorException if a tensor can't be dequantized, or the target can't hold it
   */
  public static ModelConversion dequantize(TensorFileFormats formats, Path source, Path target) {
    TensorFileFormat format = formats.forPath(target);
    ModelConversion conversion = open(
        formats, source, format, target, "f32", new ConversionRun.Mode(false, false, false, null),
        null);
    return conversion.planned(
        tensors -> tensor -> DequantizationPlanner.plan(tensor, format));
  }

  /**
   * The number of threads whose memory stays within a limit.
   *
   * @param memoryLimitBytes of the process, mapped files not counted
   * @param threads the number that is wanted
   * @return at least 1, at most {@code threads}
   * @throws OptionException if the limit is below what the JVM itself needs
   */
  public static int threadsWithin(long memoryLimitBytes, int threads) {
    if (memoryLimitBytes < BASE_BYTES + BYTES_PER_THREAD) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          "memory-limit",
          memoryLimitBytes + " bytes are too few; at least "
              + ((BASE_BYTES + BYTES_PER_THREAD) >> 20) + "MiB are needed");
    }
    return (int) Math.min(threads, (memoryLimitBytes - BASE_BYTES) / BYTES_PER_THREAD);
  }

  private static ConversionRun.Mode mode(ConversionOptions options) {
    QualityGate failing = options.gate().filter(QualityGate::failFast).orElse(null);
    boolean measured = options.measured() || options.gate().isPresent();
    return new ConversionRun.Mode(options.continueOnError(), measured, true, failing);
  }

  private void expectWork() {
    Map<QuantScheme, Long> elements = new HashMap<>();
    for (TensorPlan plan : plans) {
      if (plan.treatment() instanceof TensorPlan.Treatment.Quantize treatment) {
        Quantization quantization = treatment.quantization();
        long count = quantization.type().shape().elementCount();
        elements.merge(quantization.scheme(), count, Long::sum);
      }
    }
    elements.forEach((scheme, count) -> Quantizer.of(scheme).expect(count));
  }

  private static @Nullable RungSearch search(
      ConversionOptions options, TensorFileFormat format, ConversionPlanner planner) {
    return options
        .gate()
        .filter(gate -> !gate.failFast())
        .map(gate -> new RungSearch(gate, new QualityLadder(gate.ladder(), format), planner))
        .orElse(null);
  }

  private static ModelConversion open(
      TensorFileFormats formats,
      Path source,
      TensorFileFormat format,
      Path target,
      String scheme,
      ConversionRun.Mode mode,
      @Nullable RungSearch search) {
    requireDifferent(source, target);
    TensorFile input = formats.forPath(source).open(source);
    return new ModelConversion(input, format, target, scheme, mode, search);
  }

  private static void requireDifferent(Path source, Path target) {
    try {
      if (Files.exists(source) && Files.exists(target) && Files.isSameFile(source, target)) {
        throw new OptionException(
            ErrorCode.BAD_OPTION, "output", target + " is the input; write to another file");
      }
    } catch (IOException unreadable) {
      throw FileBytes.failure(source, "can't be read: " + unreadable.getMessage(), unreadable);
    }
  }

  private ModelConversion planned(
      Function<List<ModelTensor>, Function<ModelTensor, TensorPlan>> planning) {
    try {
      List<ModelTensor> tensors = ModelTensor.of(input);
      Function<ModelTensor, TensorPlan> planner = planning.apply(tensors);
      List<TensorPlan> planned = new ArrayList<>(tensors.size());
      for (ModelTensor tensor : tensors) {
        try {
          planned.add(planner.apply(tensor));
        } catch (TensorException refused) {
          if (!mode.continueOnError()) {
            throw refused;
          }
          failures.put(tensor.name(), refused);
        }
      }
      plans = List.copyOf(planned);
      warnOfSecondLosses();
      if (format instanceof GgufFormat) {
        warnings.addAll(GgufWriter.warnings(OutputFile.entries(plans)));
      }
      return this;
    } catch (RuntimeException refused) {
      input.close();
      throw refused;
    }
  }

  /** What quantization took away once does not come back, and the second one takes more. */
  private void warnOfSecondLosses() {
    Map<String, Integer> counts = new TreeMap<>();
    for (TensorPlan plan : plans) {
      if (plan.losesTwice()) {
        counts.merge(plan.source().encoding() + " to " + plan.encoding(), 1, Integer::sum);
      }
    }
    if (!counts.isEmpty()) {
      List<String> texts = new ArrayList<>();
      counts.forEach((change, count) -> texts.add(count + " from " + change));
      warnings.add(
          "tensors that were quantized already lose twice (" + String.join(", ", texts)
              + "); the original model gives better results");
    }
  }

  private LoraMerge match(LoraSelection selection, List<ModelTensor> tensors) {
    if (selection.adapters().isEmpty()) {
      return LoraMerge.NONE;
    }
    Map<String, Shape> shapes = new LinkedHashMap<>();
    tensors.forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
    LoraMerge merge = LoraMerge.of(selection.adapters(), shapes, selection.allowUnmatched());
    merge.unmatched().forEach(module -> warnings.add("not merged: " + module));
    return merge;
  }

  private void warnOfIdleOverrides(ConversionOptions options, List<ModelTensor> tensors) {
    for (SchemeOverride override : options.overrides()) {
      boolean matched = false;
      for (ModelTensor tensor : tensors) {
        matched |= override.matches(tensor.name());
      }
      if (!matched) {
        warnings.add(
            "the override " + override.names() + "=" + override.scheme()
                + " matches the whole name of no tensor");
      }
    }
  }

  /**
   * The open input.
   *
   * @return owned by this conversion
   */
  public TensorFile input() {
    return input;
  }

  /**
   * What will become of each tensor.
   *
   * @return in the order of the input, without those that can't be converted
   */
  public List<TensorPlan> plans() {
    return plans;
  }

  /**
   * Limits the shards of a sharded output; other outputs have none.
   *
   * @param bytes of the tensors in a shard, at least 1
   */
  public void limitShards(long bytes) {
    maxShardBytes = bytes;
  }

  /**
   * Adds to the metadata that come from the input, or replaces them.
   *
   * @param key for example {@code general.name}
   * @param text the value; in GGUF of the type that the key has in the input, else true or false, a
   *     number, or text, whichever it reads as
   */
  public void putMetadata(String key, String text) {
    metadata.put(key, text);
  }

  /**
   * Converts the model.
   *
   * @param threads how many threads shall work, at least 1; the calling one is among them
   * @param listener hears of progress
   * @return what was written
   * @throws TensorException if a tensor fails and errors end the conversion
   * @throws FormatException if the disk refuses, or the input shrinks
   * @throws CancelledException after {@link #cancel()}
   */
  public ConversionResult run(int threads, ProgressListener listener) {
    if (plans.isEmpty() && !failures.isEmpty()) {
      throw failures.values().iterator().next();
    }
    expectWork();
    try (ConversionPasses passes =
        new ConversionPasses(input, this::createWriter, mode, search, cancellation, listener)) {
      plans = passes.run(plans, threads);
      failures.putAll(passes.failures());
      Map<String, Survival> survivals = passes.survivals(plans);
      if (advice != null) {
        advice
            .warning(plans, survivals, sample -> passes.measureSurvival(sample, threads))
            .ifPresent(warnings::add);
      }
      return new ConversionResult(
          plans,
          Map.copyOf(failures),
          List.copyOf(warnings),
          passes.qualities(plans),
          survivals,
          passes.raised());
    }
  }

  private TensorFileWriter createWriter(List<TensorPlan> written) {
    return new OutputFile(format, target, scheme, metadata, maxShardBytes).create(input, written);
  }

  /** Makes {@link #run} end soon with a {@link CancelledException}, leaving no file behind. */
  public void cancel() {
    cancellation.cancel();
  }

  /** Closes the input. */
  @Override
  public void close() {
    input.close();
  }
}
