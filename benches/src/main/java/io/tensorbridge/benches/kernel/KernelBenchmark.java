package io.tensorbridge.benches.kernel;

import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.internal.kernel.KernelPolicy;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.ThreadParams;

/** A scheme with one twin; {@link KernelFork} gives the parameters. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls setUp first
public class KernelBenchmark {
  /** The scheme, as users write it. */
  @Param("q8_0")
  public String scheme;

  /** The twin that this JVM was started with: {@code scalar} or {@code vector}. */
  @Param("vector")
  public String twin;

  /** Where the memory lies; only named here. */
  @Param("cache")
  public String place;

  /** Bytes of float32 that each thread works on. */
  @Param("131072")
  public long bytesPerThread;

  private KernelWork work;

  /** For JMH. */
  public KernelBenchmark() {}

  /**
   * Makes the data ready; the pages of all memory are touched by then.
   *
   * @param thread which of how many this is
   */
  @Setup
  public void setUp(ThreadParams thread) {
    String pinned = System.getProperty(KernelPolicy.PROPERTY, "none");
    if (!pinned.equals(twin)) {
      throw new IllegalStateException(
          "the twin " + twin + " can't be measured in a JVM with " + KernelPolicy.PROPERTY + "="
              + pinned);
    }
    work =
        KernelWork.of(
            QuantScheme.parse(scheme),
            bytesPerThread,
            thread.getThreadIndex(),
            thread.getThreadCount());
  }

  /** Reads float32. */
  @Benchmark
  public void quantize() {
    work.quantize();
  }

  /** Writes float32. */
  @Benchmark
  public void dequantize() {
    work.dequantize();
  }
}
