package io.tensorbridge.quantize.extract;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.tensorbridge.BridgeException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.WorkerPool;
import io.tensorbridge.quantize.FloatSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Fits products of low rank to the differences of pairs of weights: a thread for each pair, which
 * holds its difference in memory; used once.
 */
final class DifferenceFits implements OpBatch.Listener {
  private static final int CHUNK = 64 << 10;

  private final List<Pair> pairs;
  private final RankLimit limit;
  private final ExtractionProgress progress;
  private final List<Optional<LowRankFit>> fits;
  private final AtomicReference<@Nullable BridgeException> failure = new AtomicReference<>();
  private final long totalBytes;

  /** Two weights of one shape. */
  record Pair(String name, Shape shape, FloatSource base, FloatSource tuned) {
    long workBytes() {
      return Math.max(1, 2L * Float.BYTES * shape.elementCount());
    }
  }

  DifferenceFits(List<Pair> pairs, RankLimit limit, ExtractionProgress progress) {
    this.pairs = pairs;
    this.limit = limit;
    this.progress = progress;
    this.fits = new ArrayList<>(Collections.nCopies(pairs.size(), Optional.empty()));
    this.totalBytes = pairs.stream().mapToLong(Pair::workBytes).sum();
  }

  /**
   * Fits all.
   *
   * @return for each pair its product, or nothing if the weights are the same
   * @throws TensorException with a name, if a difference is not finite
   * @throws CancelledException after {@link ExtractionProgress#cancelled()}
   */
  List<Optional<LowRankFit>> run(int threads) {
    List<OpBatch.Item> items = new ArrayList<>(pairs.size());
    for (int i = 0; i < pairs.size(); i++) {
      int index = i;
      items.add(new OpBatch.Item(pairs.get(i).workBytes(), () -> fitting(index)));
    }
    try (WorkerPool pool = new WorkerPool(Math.max(1, threads - 1), "tensorbridge-extract")) {
      OpBatch batch = new OpBatch(items, false, threads, this, pool::wake);
      pool.submit(batch);
      pool.help(batch);
    }
    BridgeException cause = failure.get();
    if (cause != null) {
      throw cause;
    }
    return fits;
  }

  private OpRun fitting(int index) {
    return new OpRun() {
      @Override
      public int chunkCount(int phase) {
        return 1;
      }

      @Override
      public void runChunk(int phase, int chunk) {
        fits.set(index, fit(pairs.get(index)));
      }
    };
  }

  private Optional<LowRankFit> fit(Pair pair) {
    if (progress.cancelled()) {
      throw new CancelledException(ErrorCode.CANCELLED, "cancelled");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment difference = arena.allocate(pair.shape.elementCount() * Float.BYTES, 64);
      return subtract(pair, difference, arena)
          ? Optional.of(LowRankFit.of(difference, pair.shape, limit))
          : Optional.empty();
    }
  }

  /** Whether two weights differ anywhere. */
  static boolean differs(Pair pair) {
    try (Arena arena = Arena.ofConfined()) {
      long count = Math.max(1, pair.shape.elementCount());
      return subtract(pair, arena.allocate(count * Float.BYTES, 64), arena);
    }
  }

  private static boolean subtract(Pair pair, MemorySegment difference, Arena arena) {
    long count = pair.shape.elementCount();
    MemorySegment base = arena.allocate(JAVA_FLOAT, CHUNK);
    boolean differs = false;
    for (long first = 0; first < count; first += CHUNK) {
      int length = (int) Math.min(CHUNK, count - first);
      MemorySegment tuned = difference.asSlice(first * Float.BYTES, 4L * length);
      pair.tuned.read(first, tuned);
      pair.base.read(first, base.asSlice(0, 4L * length));
      differs |= subtract(pair, first, tuned, base, length);
    }
    return differs;
  }

  private static boolean subtract(
      Pair pair, long first, MemorySegment tuned, MemorySegment base, int count) {
    boolean differs = false;
    for (int i = 0; i < count; i++) {
      float value = tuned.getAtIndex(JAVA_FLOAT, i) - base.getAtIndex(JAVA_FLOAT, i);
      if (!Float.isFinite(value)) {
        throw new TensorException(
            ErrorCode.NON_FINITE,
            pair.name,
            first + i,
            "element " + (first + i) + " is NaN or infinite in one of the two models",
            null);
      }
      differs |= value != 0;
      tuned.setAtIndex(JAVA_FLOAT, i, value);
    }
    return differs;
  }

  @Override
  public void itemEnded(int item, Outcome outcome) {
    // its fit is in the list
  }

  @Override
  public void itemFailed(int item, BridgeException cause) {
    failure.compareAndSet(null, cause);
  }

  @Override
  public void progressed(long doneBytes) {
    progress.progressed(doneBytes, totalBytes);
  }

  @Override
  public void batchEnded() {
    // the caller notices by itself
  }
}
