package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.ConversionRun.Cancellation;
import io.tensorbridge.quantize.model.ModelConversion.ProgressListener;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Writes a model, again if need be.
 *
 * <p>The offsets in a file depend on the size of every tensor, and so on the rung that each one
 * needs. The first pass writes what was planned, hoping that all tensors pass. If some don't, their
 * rungs are found by measuring them alone, and a second pass writes the final file: it makes these
 * tensors, and copies all others from the first.
 */
final class ConversionPasses implements AutoCloseable {
  private final TensorFile input;
  private final Function<List<TensorPlan>, TensorFileWriter> writers;
  private final ConversionRun.Mode mode;
  private final @Nullable RungSearch search;
  private final Cancellation cancellation;
  private final ProgressListener listener;
  private final Map<String, BridgeException> failures = new LinkedHashMap<>();
  private final Map<String, TensorQuality> qualities = new HashMap<>();
  private final Map<String, Survival> survivals = new HashMap<>();
  private final Map<String, RaisedTensor> raised = new LinkedHashMap<>();
  private @Nullable WrittenPass written;
  private long doneBytes;

  /**
   * Passes over a model.
   *
   * @param writers begins a file for plans
   * @param search finds the rungs of tensors that miss the gate; null if there is none
   * @param listener hears of all passes; the total grows when another one begins
   */
  ConversionPasses(
      TensorFile input,
      Function<List<TensorPlan>, TensorFileWriter> writers,
      ConversionRun.Mode mode,
      @Nullable RungSearch search,
      Cancellation cancellation,
      ProgressListener listener) {
    this.input = input;
    this.writers = writers;
    this.mode = mode;
    this.search = search;
    this.cancellation = cancellation;
    this.listener = listener;
  }

  /**
   * Writes the model.
   *
   * @param planned what shall become of each tensor
   * @return what became of those that could be written
   */
  List<TensorPlan> run(List<TensorPlan> planned, int threads) {
    List<TensorPlan> plans = planned;
    while (true) {
      Map<String, BridgeException> failed = write(plans, threads);
      Map<String, TensorPlan> changed = failed.isEmpty() ? raise(plans, threads) : Map.of();
      if (failed.isEmpty() && changed.isEmpty()) {
        commit();
        return plans;
      }
      failures.putAll(failed);
      List<TensorPlan> next = new ArrayList<>(plans.size());
      for (TensorPlan plan : plans) {
        String name = plan.source().name();
        if (!failed.containsKey(name)) {
          next.add(changed.getOrDefault(name, plan));
        }
      }
      if (next.isEmpty()) {
        throw failures.values().iterator().next();
      }
      plans = next;
    }
  }

  private Map<String, BridgeException> write(List<TensorPlan> plans, int threads) {
    WrittenPass pass = new WrittenPass(writers.apply(plans), plans);
    WrittenPass before = written;
    try {
      ConversionRun run =
          new ConversionRun(input, pass.writer(), plans, before, mode, listenerOfPass());
      Map<String, BridgeException> failed = run.run(threads, cancellation);
      qualities.putAll(run.qualities());
      survivals.putAll(run.survivals());
      doneBytes += run.totalBytes();
      written = pass;
      pass = before;
      return failed;
    } finally {
      if (pass != null) {
        pass.close();
      }
    }
  }

  private ProgressListener listenerOfPass() {
    long before = doneBytes;
    return (done, total) -> listener.progressed(before + done, before + total);
  }

  /** New plans for the tensors that missed the gate, by name. */
  private Map<String, TensorPlan> raise(List<TensorPlan> plans, int threads) {
    Map<String, TensorPlan> changed = new HashMap<>();
    if (search == null) {
      return changed;
    }
    List<RungSearch.Climb> climbs = new ArrayList<>();
    for (TensorPlan plan : plans) {
      TensorQuality quality = qualities.get(plan.source().name());
      boolean settled = raised.containsKey(plan.source().name());
      if (quality != null && !settled && !search.admits(quality)) {
        climbs.add(new RungSearch.Climb(plan, quality));
      }
    }
    search.run(climbs, this::measure, threads);
    for (RungSearch.Climb climb : climbs) {
      String name = climb.plan().source().name();
      if (climb.hasMoved()) {
        raised.put(name, climb.result());
        changed.put(name, climb.plan());
      }
    }
    return changed;
  }

  private Map<String, TensorQuality> measure(List<TensorPlan> plans, int threads) {
    return measure(plans, threads, new ConversionRun.Mode(false, true, false, null)).qualities();
  }

  /** Tells how much would be left of what is merged, without writing anything. */
  Map<String, Survival> measureSurvival(List<TensorPlan> plans, int threads) {
    return measure(plans, threads, new ConversionRun.Mode(false, false, true, null)).survivals();
  }

  private ConversionRun measure(List<TensorPlan> plans, int threads, ConversionRun.Mode how) {
    ConversionRun run =
        new ConversionRun(input, new DiscardingWriter(), plans, null, how, listenerOfPass());
    run.run(threads, cancellation);
    doneBytes += run.totalBytes();
    return run;
  }

  private void commit() {
    if (written != null) {
      written.writer().commit();
    }
  }

  /** Why tensors were left out, by name. */
  Map<String, BridgeException> failures() {
    return failures;
  }

  /** How close the written tensors are, in the order of the plans; only those that were made. */
  Map<String, TensorQuality> qualities(List<TensorPlan> plans) {
    Map<String, TensorQuality> ordered = new LinkedHashMap<>();
    for (TensorPlan plan : plans) {
      TensorQuality quality = qualities.get(plan.source().name());
      if (quality != null) {
        ordered.put(plan.source().name(), quality);
      }
    }
    return ordered;
  }

  /** How much is left of what was merged, by the names of written tensors. */
  Map<String, Survival> survivals(List<TensorPlan> plans) {
    Map<String, Survival> ordered = new LinkedHashMap<>();
    for (TensorPlan plan : plans) {
      Survival survival = survivals.get(plan.source().name());
      if (survival != null) {
        ordered.put(plan.source().name(), survival);
      }
    }
    return ordered;
  }

  /** The tensors that got more bits. */
  List<RaisedTensor> raised() {
    return List.copyOf(raised.values());
  }

  /** Removes what was not committed. */
  @Override
  public void close() {
    if (written != null) {
      written.close();
    }
  }
}
