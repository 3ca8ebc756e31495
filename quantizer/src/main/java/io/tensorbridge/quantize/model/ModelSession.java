package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.quantize.Quantizer;
import io.tensorbridge.quantize.lora.AppliedAdapter;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.LoraMerge;
import io.tensorbridge.quantize.lora.MatchedAdapter;
import io.tensorbridge.quantize.lora.ScaledAdapter;
import io.tensorbridge.quantize.model.ModelConversion.ProgressListener;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A model that is kept quantized in memory while adapters come and go; thread-safe.
 *
 * <p>A weight is merged in float32 from the base model and quantized once, as {@link
 * ModelConversion} does it, so its bytes depend only on the adapters that change it, their strengths
 * and their order. A change redoes the weights that it touches, unless they are cached, and is seen
 * as a whole or not at all: readers take {@linkplain #snapshot() snapshots}, and wait for nobody. A
 * change that fails leaves everything as it was. Changes wait for each other.
 */
public final class ModelSession implements AutoCloseable {
  private static final int SAVED_PIECE = 8 << 20;

  private final TensorFileFormats formats;
  private final TensorFile base;
  private final TensorFileFormat container;
  private final ConversionOptions options;
  private final ConversionPlanner planner;
  private final int threads;
  private final ProgressListener listener;
  private final List<ModelTensor> tensors;
  private final Map<String, Shape> shapes = new LinkedHashMap<>();
  private final WeightCache cache;
  private final AtomicLong liveBytes = new AtomicLong();

  private final ReentrantLock changing = new ReentrantLock();
  private final Map<String, AppliedAdapter> applied = new LinkedHashMap<>();
  private volatile @Nullable Generation current;
  private volatile ConversionRun.Cancellation cancellation = new ConversionRun.Cancellation();

  private ModelSession(
      TensorFileFormats formats,
      TensorFile base,
      TensorFileFormat container,
      ConversionOptions options,
      int threads,
      long cacheBytes,
      ProgressListener listener) {
    this.formats = formats;
    this.base = base;
    this.container = container;
    this.options = options;
    this.threads = threads;
    this.listener = listener;
    this.tensors = ModelTensor.of(base);
    this.planner = new ConversionPlanner(formats, container, options).forModel(tensors);
    this.cache = new WeightCache(cacheBytes);
    tensors.forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
  }

  /**
   * Quantizes a model into memory, with the adapters that the options name.
   *
   * @param formats the known formats
   * @param base the model, for example an open file or {@link ModelArrays}; it must stay open until
   *     the session is closed, which does not close it
   * @param container the format of the files that can be saved; it decides how weights are stored
   * @param options scheme, overrides, and adapters whose names are their paths; a quality gate is
   *     refused
   * @param threads how many work at once, at least 1
   * @param cacheBytes the most that is kept of weights of earlier states; 0 redoes every one
   * @param listener told how far a change is; from any thread
   * @return the session
   * @throws OptionException if an option is not acceptable
   * @throws io.tensorbridge.TensorException if a tensor can't be quantized, or an adapter fits not
   */
  public static ModelSession open(
      TensorFileFormats formats,
      TensorFile base,
      TensorFileFormat container,
      ConversionOptions options,
      int threads,
      long cacheBytes,
      ProgressListener listener) {
    if (options.gate().isPresent()) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "gate", "sessions have no ladder; convert the file instead");
    }
    ModelSession session =
        new ModelSession(formats, base, container, options, threads, cacheBytes, listener);
    Map<String, AppliedAdapter> first = new LinkedHashMap<>();
    for (ScaledAdapter scaled : options.lora().adapters()) {
      MatchedAdapter matched =
          session.match(scaled.adapter(), options.lora().allowUnmatched());
      first.put(scaled.adapter().path().toString(), new AppliedAdapter(matched, scaled.scale()));
    }
    session.change(first);
    return session;
  }

  /**
   * Matches an adapter to the model, to be applied any number of times; weights that were made with
   * it are found in the cache only by the same match.
   *
   * @param adapter the adapter
   * @param allowUnmatched whether modules that fit no tensor are left out
   * @return the match
   * @throws io.tensorbridge.TensorException as {@link MatchedAdapter#of} does
   */
  public MatchedAdapter match(LoraAdapter adapter, boolean allowUnmatched) {
    return MatchedAdapter.of(adapter, shapes, allowUnmatched);
  }

  /**
   * Merges an adapter behind those that are applied.
   *
   * @param name by which it is known from then on
   * @param adapter matched by this session
   * @param scale its strength
   * @throws OptionException if the name is taken or the strength is not finite
   */
  public void apply(String name, MatchedAdapter adapter, double scale) {
    alter(
        next -> {
          if (next.containsKey(name)) {
            throw new OptionException(
                ErrorCode.BAD_OPTION, "adapter",
                "\"" + name + "\" is applied already; set its scale, or remove it first");
          }
          next.put(name, new AppliedAdapter(adapter, finite(name, scale)));
        });
  }

  /**
   * Changes strengths, all at once.
   *
   * @param scales by the names of adapters; what is not named stays
   * @throws OptionException if there is no such adapter or a strength is not finite
   */
  public void setScales(Map<String, Double> scales) {
    alter(
        next -> scales.forEach(
            (name, scale) -> next.put(
                name, new AppliedAdapter(known(next, name).adapter(), finite(name, scale)))));
  }

  /**
   * Takes an adapter out; the bytes are as if it had never been applied.
   *
   * @param name as given to {@link #apply}
   * @throws OptionException if there is no such adapter
   */
  public void remove(String name) {
    alter(
        next -> {
          known(next, name);
          next.remove(name);
        });
  }

  private static AppliedAdapter known(Map<String, AppliedAdapter> adapters, String name) {
    AppliedAdapter found = adapters.get(name);
    if (found == null) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "adapter",
          "\"" + name + "\" is not applied; applied are " + adapters.keySet());
    }
    return found;
  }

  private static double finite(String name, double scale) {
    if (!Double.isFinite(scale)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "scale", "of \"" + name + "\" is " + scale);
    }
    return scale;
  }

  @FunctionalInterface
  private interface Alteration {
    void of(Map<String, AppliedAdapter> next);
  }

  private void alter(Alteration alteration) {
    changing.lock();
    try {
      requireOpen();
      Map<String, AppliedAdapter> next = new LinkedHashMap<>(applied);
      alteration.of(next);
      change(next);
    } finally {
      changing.unlock();
    }
  }

  /** Makes the generation of some adapters, and publishes it. */
  private void change(Map<String, AppliedAdapter> next) {
    Generation before = current;
    Map<String, ModelWeight> weights = new LinkedHashMap<>();
    List<ModelWeight> held = new ArrayList<>();
    Map<String, WeightState> missing = new LinkedHashMap<>();
    try {
      for (ModelTensor tensor : tensors) {
        WeightState state = state(tensor.name(), next);
        ModelWeight weight = known(before, state);
        if (weight == null) {
          missing.put(tensor.name(), state);
        } else {
          held.add(weight);
          weights.put(tensor.name(), weight);
        }
      }
      make(missing, next).forEach(weight -> weights.put(weight.name(), weight));
    } catch (RuntimeException | Error failure) {
      held.forEach(this::letGo);
      throw failure;
    }
    publish(before, next, weights);
  }

  private void publish(
      @Nullable Generation before, Map<String, AppliedAdapter> next,
      Map<String, ModelWeight> weights) {
    Map<String, Double> scales = new LinkedHashMap<>();
    next.forEach((name, adapter) -> scales.put(name, adapter.scale()));
    Map<String, ModelWeight> ordered = new LinkedHashMap<>();
    shapes.keySet().forEach(name -> ordered.put(name, weights.get(name)));
    current = new Generation(scales, ordered);
    applied.clear();
    applied.putAll(next);
    if (before != null) {
      Set<ModelWeight> kept = new HashSet<>(weights.values());
      for (ModelWeight weight : before.weights().values()) {
        if (!kept.contains(weight)) {
          cache.put(weight.retain());
        }
      }
      before.release();
    }
  }

  /** A weight in a state that is shown or cached; the caller then holds it. */
  private @Nullable ModelWeight known(@Nullable Generation before, WeightState state) {
    ModelWeight shown = before == null ? null : before.weights().get(state.tensor());
    return shown != null && shown.state().equals(state) ? shown.retain() : cache.take(state);
  }

  /** Gives back what {@link #known} gave. */
  private void letGo(ModelWeight weight) {
    Generation shown = current;
    if (shown != null && shown.weights().get(weight.name()) == weight) {
      weight.release();
    } else {
      cache.put(weight);
    }
  }

  private static WeightState state(String tensor, Map<String, AppliedAdapter> adapters) {
    List<AppliedAdapter> touching =
        adapters.values().stream()
            .filter(one -> one.scale() != 0 && one.adapter().modules().containsKey(tensor))
            .toList();
    return new WeightState(tensor, touching);
  }

  private List<ModelWeight> make(Map<String, WeightState> missing,
      Map<String, AppliedAdapter> next) {
    if (missing.isEmpty()) {
      return List.of();
    }
    LoraMerge merge = LoraMerge.of(List.copyOf(next.values()));
    List<TensorPlan> plans = new ArrayList<>(missing.size());
    List<ModelWeight> made = new ArrayList<>(missing.size());
    try {
      for (ModelTensor tensor : tensors) {
        WeightState state = missing.get(tensor.name());
        if (state != null) {
          TensorPlan plan = planner.plan(tensor, merge.delta(tensor.name()));
          plans.add(plan);
          made.add(ModelWeight.allocate(plan, state, liveBytes));
        }
      }
      warmUp(plans);
      cancellation = new ConversionRun.Cancellation();
      ConversionRun.Mode mode = new ConversionRun.Mode(false, false, false, null);
      new ConversionRun(base, new WeightWriter(made), plans, null, mode, listener)
          .run(threads, cancellation);
      return made;
    } catch (RuntimeException | Error failure) {
      made.forEach(ModelWeight::release);
      throw failure;
    }
  }

  /** A session lives long, so its kernels are worth compiling. */
  private static void warmUp(List<TensorPlan> plans) {
    plans.stream()
        .map(TensorPlan::treatment)
        .filter(TensorPlan.Treatment.Quantize.class::isInstance)
        .map(treatment -> ((TensorPlan.Treatment.Quantize) treatment).quantization().scheme())
        .distinct()
        .forEach(scheme -> Quantizer.of(scheme).warmUp());
  }

  /** Makes a change that is running end soon with {@link io.tensorbridge.CancelledException}. */
  public void cancel() {
    cancellation.cancel();
  }

  /**
   * The adapters that are applied.
   *
   * @return names and strengths, in their order
   * @throws BridgeClosedException if the session is closed
   */
  public Map<String, Double> adapters() {
    try (ModelSnapshot snapshot = snapshot()) {
      return snapshot.adapters();
    }
  }

  /**
   * The current state. Does not wait for a change that is running.
   *
   * @return the snapshot, owned by the caller
   * @throws BridgeClosedException if the session is closed
   */
  public ModelSnapshot snapshot() {
    while (true) {
      Generation generation = current;
      if (generation == null) {
        throw closedFailure();
      }
      if (generation.retain()) {
        return new ModelSnapshot(generation);
      }
    }
  }

  /**
   * Writes the current state to a file, which appears whole or not at all.
   *
   * @param target of the format for which the session was opened
   * @throws OptionException if it is of another format
   * @throws io.tensorbridge.FormatException if the disk refuses it
   */
  public void save(Path target) {
    TensorFileFormat format = formats.forPath(target);
    if (!format.name().equals(container.name())) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "target",
          target + " is a " + format.name() + " file; the session keeps weights as "
              + container.name() + " has them");
    }
    try (ModelSnapshot snapshot = snapshot();
        TensorFileWriter writer = writer(format, target, snapshot)) {
      long total = snapshot.weights().values().stream().mapToLong(ModelWeight::byteSize).sum();
      long done = 0;
      int entry = 0;
      for (ModelWeight weight : snapshot.weights().values()) {
        for (MemorySegment part : weight.parts()) {
          for (long at = 0; at < part.byteSize(); at += SAVED_PIECE) {
            long length = Math.min(SAVED_PIECE, part.byteSize() - at);
            writer.write(entry, at, part.asSlice(at, length));
            done += length;
            listener.progressed(done, total);
          }
          entry++;
        }
      }
      writer.commit();
    }
  }

  private TensorFileWriter writer(TensorFileFormat format, Path target, ModelSnapshot snapshot) {
    List<TensorPlan> plans =
        snapshot.weights().values().stream().map(ModelWeight::plan).toList();
    long shard = ShardedSafetensorsWriter.DEFAULT_SHARD_BYTES;
    return new OutputFile(format, target, options.scheme().toString(), Map.of(), shard)
        .create(base, plans);
  }

  /**
   * What is kept in memory.
   *
   * @return at this moment
   * @throws BridgeClosedException if the session is closed
   */
  public SessionMemory memory() {
    changing.lock();
    try {
      long shown = requireOpen().byteSize();
      long cached = cache.byteSize();
      long factors = 0;
      for (AppliedAdapter one : applied.values()) {
        factors += one.adapter().adapter().elementCount() * Float.BYTES;
      }
      return new SessionMemory(
          shown, liveBytes.get() - shown - cached, cached, cache.budget(), factors);
    } finally {
      changing.unlock();
    }
  }

  private Generation requireOpen() {
    Generation generation = current;
    if (generation == null) {
      throw closedFailure();
    }
    return generation;
  }

  private static BridgeClosedException closedFailure() {
    return new BridgeClosedException("the session is closed");
  }

  /**
   * Frees what no open snapshot holds. Waits for a change that is running; a second call does
   * nothing.
   */
  @Override
  public void close() {
    changing.lock();
    try {
      Generation last = current;
      current = null;
      applied.clear();
      cache.close();
      if (last != null) {
        last.release();
      }
    } finally {
      changing.unlock();
    }
  }
}
