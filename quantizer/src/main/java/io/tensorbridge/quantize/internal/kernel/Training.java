package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Runs a vector twin on scratch values, in a thread of its own, until the compiler has made it
 * faster than its scalar twin. The thread rests as its {@link TrainingPace} says, so that it takes
 * little from the work that goes on meanwhile.
 *
 * @param <K> the kernel interface
 */
final class Training<K> {
  /** Uses a kernel once on scratch memory. */
  interface Exercise<K> {
    /** Elements of an exercise; 16 KiB of float32, so that both twins stay in the nearest cache. */
    int ELEMENTS = 4096;

    void run(K kernel, MemorySegment values, MemorySegment coded);
  }

  /** Nobody waits for a twin that is not faster by then. */
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  private static final long LONGEST_REST_NANOS = 20_000_000L;

  private static final int ROUND = 16;

  private static final System.Logger LOG = System.getLogger(Training.class.getName());

  private final String name;
  private final K scalar;
  private final Supplier<K> vector;
  private final Exercise<K> exercise;
  private final TrainingPace pace;
  private final Consumer<K> whenFaster;

  Training(
      String name,
      K scalar,
      Supplier<K> vector,
      Exercise<K> exercise,
      TrainingPace pace,
      Consumer<K> whenFaster) {
    this.name = name;
    this.scalar = scalar;
    this.vector = vector;
    this.exercise = exercise;
    this.pace = pace;
    this.whenFaster = whenFaster;
  }

  void begin() {
    Thread.ofPlatform().daemon().name("tensorbridge-training-" + name).start(this::train);
  }

  private void train() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = Native.view(arena.allocate(4L * Exercise.ELEMENTS, 64));
      MemorySegment coded = Native.view(arena.allocate(4L * Exercise.ELEMENTS, 64));
      for (int i = 0; i < Exercise.ELEMENTS; i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (i * 0x9e3779b9) * 0x1p-31f);
      }
      trainOn(values, coded);
    }
  }

  private void trainOn(MemorySegment values, MemorySegment coded) {
    K candidate = vector.get();
    long begun = System.nanoTime();
    while (System.nanoTime() - begun < PATIENCE_NANOS) {
      long vectorNanos = bestOf(ROUND, candidate, values, coded);
      long scalarNanos = bestOf(ROUND / 4, scalar, values, coded);
      if (vectorNanos < scalarNanos * 9 / 10) {
        whenFaster.accept(candidate);
        LOG.log(
            System.Logger.Level.DEBUG,
            "{0}: vector kernel after {1} ms of training",
            name,
            (System.nanoTime() - begun) / 1_000_000);
        return;
      }
    }
    LOG.log(System.Logger.Level.DEBUG, "{0}: the scalar kernel stays, it is as fast", name);
  }

  private long bestOf(int times, K kernel, MemorySegment values, MemorySegment coded) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < times; i++) {
      long begun = System.nanoTime();
      exercise.run(kernel, values, coded);
      long nanos = System.nanoTime() - begun;
      best = Math.min(best, nanos);
      if (pace.rest() > 0) {
        LockSupport.parkNanos(Math.min(pace.rest() * nanos, LONGEST_REST_NANOS));
      }
    }
    return best;
  }
}
