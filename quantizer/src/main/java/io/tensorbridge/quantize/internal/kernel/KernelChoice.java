package io.tensorbridge.quantize.internal.kernel;

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
  /** Work after which training begins: small jobs never pay for it. */
  private static final long TRAINING_THRESHOLD_ELEMENTS = 4L << 20;

  private final String name;
  private final K scalar;
  private final @Nullable Supplier<K> vector;
  private final Training.Exercise<K> exercise;
  private final AtomicLong elementsSeen = new AtomicLong();
  private volatile @Nullable K faster;

  KernelChoice(
      String name, K scalar, @Nullable Supplier<K> vector, Training.Exercise<K> exercise) {
    this.name = name;
    this.scalar = scalar;
    this.vector = vector;
    this.exercise = exercise;
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
    if (vector != null) {
      long seen = elementsSeen.getAndAdd(elements);
      if (seen < TRAINING_THRESHOLD_ELEMENTS && seen + elements >= TRAINING_THRESHOLD_ELEMENTS) {
        new Training<>(name, scalar, vector, exercise, this::use).begin();
      }
    }
    return scalar;
  }

  private void use(K kernel) {
    faster = kernel;
  }
}
