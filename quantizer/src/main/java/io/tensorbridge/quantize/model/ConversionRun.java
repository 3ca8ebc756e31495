package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.WorkerPool;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.PartSink;
import io.tensorbridge.quantize.QualityMeter;
import io.tensorbridge.quantize.Quantization;
import io.tensorbridge.quantize.RunMeter;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.SurvivalMeter;
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.lora.LoraDelta;
import io.tensorbridge.quantize.model.ModelConversion.ProgressListener;
import io.tensorbridge.quantize.model.TensorPlan.Treatment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** One pass over all tensors of a conversion. */
final class ConversionRun implements OpBatch.Listener {
  private final TensorFile input;
  private final TensorFileWriter writer;
  private final List<TensorPlan> plans;
  private final @Nullable WrittenPass earlier;
  private final Mode mode;
  private final ProgressListener listener;
  private final Map<String, QualityMeter> meters = new ConcurrentHashMap<>();
  private final Map<String, SurvivalMeter> survivals = new ConcurrentHashMap<>();
  private final Map<String, BridgeException> failures = new LinkedHashMap<>();
  private long totalBytes;

  /**
   * How a pass is to be done.
   *
   * @param continueOnError whether the others go on when a tensor fails
   * @param measured whether quantized tensors are measured
   * @param gate ends the pass at a tensor that misses it; null if none does
   */
  record Mode(
      boolean continueOnError, boolean measured, boolean survival, @Nullable QualityGate gate) {}

  /**
   * A pass.
   *
   * @param earlier what an earlier pass wrote, or null
   */
  ConversionRun(
      TensorFile input,
      TensorFileWriter writer,
      List<TensorPlan> plans,
      @Nullable WrittenPass earlier,
      Mode mode,
      ProgressListener listener) {
    this.input = input;
    this.writer = writer;
    this.plans = plans;
    this.earlier = earlier;
    this.mode = mode;
    this.listener = listener;
  }

  /** Stops the pass that is running, and those that are still to begin; thread-safe. */
  static final class Cancellation {
    private boolean cancelled;
    private @Nullable OpBatch running;

    synchronized void begin(OpBatch batch) {
      running = batch;
      if (cancelled) {
        batch.cancel(ErrorCode.CANCELLED);
      }
    }

    synchronized void cancel() {
      cancelled = true;
      if (running != null) {
        running.cancel(ErrorCode.CANCELLED);
      }
    }

    synchronized boolean isCancelled() {
      return cancelled;
    }
  }

  /**
   * Runs the pass.
   *
   * @return the tensors that failed, if the others are to go on
   * @throws BridgeException the failure that ended the pass
   */
  Map<String, BridgeException> run(int threads, Cancellation cancellation) {
    List<OpBatch.Item> items = items();
    try (WorkerPool pool = new WorkerPool(Math.max(1, threads - 1), "convert")) {
      OpBatch batch = new OpBatch(items, mode.continueOnError(), threads, this, pool::wake);
      cancellation.begin(batch);
      if (threads > 1) {
        pool.submit(batch);
        pool.help(batch);
      } else {
        batch.runAll();
      }
    }
    if (cancellation.isCancelled()) {
      throw new CancelledException(ErrorCode.CANCELLED, "cancelled; nothing was written");
    }
    for (BridgeException failure : failures.values()) {
      if (!mode.continueOnError() || failure instanceof FormatException) {
        throw failure;
      }
    }
    return failures;
  }

  private List<OpBatch.Item> items() {
    List<OpBatch.Item> items = new ArrayList<>(plans.size());
    int entry = 0;
    for (TensorPlan plan : plans) {
      int firstEntry = entry;
      long workBytes = Math.max(1, plan.source().byteLength() + plan.byteLength());
      totalBytes += workBytes;
      items.add(new OpBatch.Item(workBytes, () -> begin(plan, firstEntry)));
      entry += plan.outputs().size();
    }
    return items;
  }

  private OpRun begin(TensorPlan plan, int firstEntry) {
    PartSink sink = (part, byteOffset, bytes) -> writer.write(firstEntry + part, byteOffset, bytes);
    Optional<OpRun> copy = earlier == null ? Optional.empty() : earlier.copy(plan, sink);
    return copy.isPresent() ? copy.get() : make(plan, firstEntry, sink);
  }

  private OpRun make(TensorPlan plan, int firstEntry, PartSink sink) {
    ModelTensor source = plan.source();
    return switch (plan.treatment()) {
      case Treatment.Quantize(var quantization, var entries, var delta) ->
          quantize(
              plan, quantization, delta,
              new LayoutSink(writer, firstEntry, entries, quantization.parts()));
      case Treatment.Copy() -> new CopyRun(input, source.parts(), sink);
      case Treatment.Dequantize() -> source.floats(input).run(sink);
    };
  }

  private OpRun quantize(
      TensorPlan plan, Quantization quantization, Optional<LoraDelta> delta, PartSink sink) {
    FloatSource base = plan.source().floats(input);
    FloatSource source = delta.map(merged -> merged.over(base)).orElse(base);
    List<RunMeter> watching = new ArrayList<>(2);
    if (mode.survival() && delta.isPresent()) {
      SurvivalMeter survival = new SurvivalMeter(base);
      survivals.put(plan.source().name(), survival);
      watching.add(survival);
    }
    if (!mode.measured()) {
      return quantization.bind(source, sink, watching);
    }
    QualityMeter meter = new QualityMeter();
    meters.put(plan.source().name(), meter);
    watching.add(meter);
    OpRun run = quantization.bind(source, sink, watching);
    return mode.gate() == null
        ? run
        : new GatedRun(run, plan.encoding(), meter, mode.gate());
  }

  /** How much is left of what was merged, by the names of the tensors. */
  Map<String, Survival> survivals() {
    Map<String, Survival> found = new HashMap<>();
    survivals.forEach((name, meter) -> found.put(name, meter.survival()));
    return found;
  }

  /** How close the tensors are that this pass quantized, by name. */
  Map<String, TensorQuality> qualities() {
    Map<String, TensorQuality> qualities = new HashMap<>();
    meters.forEach((name, meter) -> qualities.put(name, meter.quality()));
    return qualities;
  }

  /** The bytes to be read and written, as told to the listener. */
  long totalBytes() {
    return totalBytes;
  }

  @Override
  public void itemEnded(int item, Outcome outcome) {
    // the bytes are in the file; nothing is kept
  }

  @Override
  public void itemFailed(int item, BridgeException failure) {
    if (failure instanceof CancelledException) {
      return; // follows from a failure that is kept, or from a cancellation
    }
    String name = plans.get(item).source().name();
    boolean unnamed = failure instanceof TensorException tensor && tensor.tensorName().isEmpty();
    failures.put(name, unnamed ? ((TensorException) failure).named(name) : failure);
  }

  @Override
  public void progressed(long doneBytes) {
    listener.progressed(doneBytes, totalBytes);
  }

  @Override
  public void batchEnded() {
    // the caller waits for the batch itself
  }
}
