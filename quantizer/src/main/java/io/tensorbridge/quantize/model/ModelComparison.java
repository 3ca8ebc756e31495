package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.WorkerPool;
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.ModelConversion.ProgressListener;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * How close the tensors of one model are to those of another.
 *
 * @param tensors of both models, in the order of the first
 * @param onlyInFirst names that the second lacks
 * @param onlyInSecond names that the first lacks
 */
public record ModelComparison(
    List<Pair> tensors, List<String> onlyInFirst, List<String> onlyInSecond) {
  /**
   * One tensor of both models.
   *
   * @param first of the first model
   * @param second of the second model
   * @param quality empty if they could not be compared
   * @param failure why not, or empty
   */
  public record Pair(
      ModelTensor first, ModelTensor second, Optional<TensorQuality> quality, String failure) {}

  /**
   * Over all tensors that could be compared.
   *
   * @return the sums
   */
  public TensorQuality total() {
    TensorQuality total = TensorQuality.NONE;
    for (Pair pair : tensors) {
      total = total.plus(pair.quality().orElse(TensorQuality.NONE));
    }
    return total;
  }

  /**
   * Compares two open models tensor by tensor; quantized tensors are dequantized on the way, in
   * chunks. The figures do not depend on the number of threads.
   *
   * @param first the original
   * @param second what was made of it
   * @param threads how many threads shall work, at least 1
   * @param listener hears of progress
   * @return the comparison; a pair that can't be compared tells why
   */
  public static ModelComparison of(
      TensorFile first, TensorFile second, int threads, ProgressListener listener) {
    Map<String, ModelTensor> others = new HashMap<>();
    List<String> onlyInSecond = new ArrayList<>();
    for (ModelTensor tensor : ModelTensor.of(second)) {
      others.put(tensor.name(), tensor);
      onlyInSecond.add(tensor.name());
    }
    List<String> onlyInFirst = new ArrayList<>();
    List<ComparisonRun> runs = new ArrayList<>();
    Queue<ComparisonRun.Piece> pieces = new ConcurrentLinkedQueue<>();
    for (ModelTensor tensor : ModelTensor.of(first)) {
      ModelTensor other = others.get(tensor.name());
      if (other == null) {
        onlyInFirst.add(tensor.name());
      } else {
        runs.add(new ComparisonRun(first, tensor, second, other, pieces));
      }
    }
    Set<String> paired = new HashSet<>();
    runs.forEach(run -> paired.add(run.name()));
    onlyInSecond.removeIf(paired::contains);
    return new ModelComparison(compare(runs, threads, listener), onlyInFirst, onlyInSecond);
  }

  private static List<Pair> compare(
      List<ComparisonRun> runs, int threads, ProgressListener listener) {
    long totalBytes = 0;
    List<OpBatch.Item> items = new ArrayList<>(runs.size());
    for (ComparisonRun run : runs) {
      totalBytes += run.workBytes();
      items.add(new OpBatch.Item(run.workBytes(), run::begin));
    }
    Failures failures = new Failures(listener, totalBytes, runs.size());
    try (WorkerPool pool = new WorkerPool(Math.max(1, threads - 1), "compare")) {
      OpBatch batch = new OpBatch(items, true, threads, failures, pool::wake);
      if (threads > 1) {
        pool.submit(batch);
        pool.help(batch);
      } else {
        batch.runAll();
      }
    }
    List<Pair> pairs = new ArrayList<>(runs.size());
    for (int i = 0; i < runs.size(); i++) {
      pairs.add(failures.pair(i, runs.get(i)));
    }
    return pairs;
  }

  /** Keeps why pairs could not be compared. */
  private static final class Failures implements OpBatch.Listener {
    private final ProgressListener listener;
    private final long totalBytes;
    private final @Nullable BridgeException[] causes;

    Failures(ProgressListener listener, long totalBytes, int count) {
      this.listener = listener;
      this.totalBytes = totalBytes;
      this.causes = new BridgeException[count];
    }

    Pair pair(int index, ComparisonRun run) {
      BridgeException cause = causes[index];
      if (cause instanceof CancelledException) {
        throw new CancelledException(ErrorCode.CANCELLED, "cancelled");
      }
      String reason =
          switch (cause) {
            case null -> "";
            case TensorException tensor -> tensor.reason();
            default -> String.valueOf(cause.getMessage());
          };
      Optional<TensorQuality> quality =
          cause == null ? Optional.of(run.quality()) : Optional.empty();
      return new Pair(run.first(), run.second(), quality, reason);
    }

    @Override
    public void itemEnded(int item, Outcome outcome) {
      // the run keeps its figures
    }

    @Override
    public void itemFailed(int item, BridgeException failure) {
      causes[item] = failure;
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
}
