package io.tensorbridge.quantize.internal.kernel;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Which of two twins serves now; thread-safe.
 *
 * <p>A fresh JVM needs about a second before vector code is compiled, and crawls until then, while
 * the scalar twin is fast within a tenth of that. So a choice begins with the scalar twin; once
 * there is enough work to be worth it, a {@link Training} compiles the vector twin beside the work,
 * and takes it when it is measured to be faster. Both write the same bytes, so they may change
 * between any two chunks.
 *
 * @param <K> the kernel interface
 */
public final class KernelChoice<K> {
  private final String name;
  private final K scalar;
  private final @Nullable Supplier<K> vector;
  private final Training.Exercise<K> exercise;
  private final TrainingPace pace;
  private final AtomicLong elementsSeen = new AtomicLong();
  private final AtomicBoolean trained = new AtomicBoolean();
  private volatile @Nullable K faster;
  private volatile @Nullable SlowStart slowStart;

  KernelChoice(
      String name, K scalar, @Nullable Supplier<K> vector, Training.Exercise<K> exercise) {
    this(name, scalar, vector, exercise, TrainingPace.PATIENT);
  }

  KernelChoice(
      String name,
      K scalar,
      @Nullable Supplier<K> vector,
      Training.Exercise<K> exercise,
      TrainingPace pace) {
    this.name = name;
    this.scalar = scalar;
    this.vector = vector;
    this.exercise = exercise;
    this.pace = pace;
  }

  /**
   * Whether there is a vector twin.
   *
   * @return false if the scalar twin always serves
   */
  public boolean hasVector() {
    return vector != null;
  }

  /** Takes the vector twin from the first chunk on, if there is one. */
  void vectorOnly() {
    if (vector != null) {
      faster = vector.get();
    }
  }

  /**
   * The kernel for the next chunk.
   *
   * @param elements the size of the chunk
   * @return the twin that is faster now
   */
  public K forWork(long elements) {
    K kernel = faster;
    if (kernel != null) {
      return kernel;
    }
    if (elementsSeen.addAndGet(elements) >= pace.thresholdElements()) {
      train();
    }
    return scalar;
  }

  /**
   * The kernel for the next chunk, as {@link #forWork}; waits while others use one that is not
   * compiled yet.
   *
   * @param elements the size of the chunk
   * @return to be closed after the chunk, by the calling thread
   */
  public Use<K> begin(long elements) {
    K kernel = forWork(elements);
    SlowStart start = slowStart;
    return new Use<>(kernel, elements, start != null && start.begin() ? start : null);
  }

  /**
   * A kernel in use for one chunk, by one thread.
   *
   * @param <K> the kernel interface
   */
  public static final class Use<K> implements AutoCloseable {
    private final K kernel;
    private final long elements;
    private final @Nullable SlowStart turn;
    private final long begun;

    private Use(K kernel, long elements, @Nullable SlowStart turn) {
      this.kernel = kernel;
      this.elements = elements;
      this.turn = turn;
      this.begun = turn == null ? 0 : System.nanoTime();
    }

    /**
     * The kernel.
     *
     * @return the twin that is faster now
     */
    public K kernel() {
      return kernel;
    }

    @Override
    public void close() {
      if (turn != null) {
        turn.end(elements, System.nanoTime() - begun);
      }
    }
  }

  /**
   * Tells how much work is to come. For much work of an expensive format the vector twin is taken at
   * once: it crawls for a second until it is compiled, in one thread, and earns that back.
   *
   * @param elements elements to come
   */
  public void expect(long elements) {
    if (vector != null && faster == null && elements >= pace.atOnceElements()) {
      slowStart = new SlowStart();
      vectorOnly();
    }
  }

  /** Begins to train the vector twin now, if there is one; later calls do nothing. */
  public void train() {
    if (vector != null && faster == null && trained.compareAndSet(false, true)) {
      new Training<>(name, scalar, vector, exercise, pace, this::use).begin();
    }
  }

  private void use(K kernel) {
    faster = kernel;
  }
}
