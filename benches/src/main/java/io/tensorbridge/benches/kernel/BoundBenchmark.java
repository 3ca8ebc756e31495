package io.tensorbridge.benches.kernel;

import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.infra.ThreadParams;

/** What no kernel can beat: copying the values, and reading them only. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@SuppressWarnings("NullAway.Init") // JMH calls setUp first
public class BoundBenchmark {
  private static final VectorSpecies<Integer> LANES = IntVector.SPECIES_PREFERRED;

  /** Where the memory lies; only named here. */
  @Param("cache")
  public String place;

  /** Bytes of float32 that each thread works on. */
  @Param("131072")
  public long bytesPerThread;

  private MemorySegment values;
  private MemorySegment target;

  /** For JMH. */
  public BoundBenchmark() {}

  /**
   * Makes the data ready.
   *
   * @param thread which of how many this is
   */
  @Setup
  public void setUp(ThreadParams thread) {
    int index = thread.getThreadIndex();
    int count = thread.getThreadCount();
    values =
        Native.view(WarmMemory.part(WarmMemory.Area.VALUES, index, count, bytesPerThread));
    target =
        Native.view(WarmMemory.part(WarmMemory.Area.DECODED, index, count, bytesPerThread));
  }

  /** The JVM's own copy. */
  @Benchmark
  public void copy() {
    MemorySegment.copy(values, 0, target, 0, bytesPerThread);
  }

  /**
   * Adds all values as integers, in four chains, so that no addition waits for the one before.
   *
   * @return the sum, which keeps the compiler from leaving the reading out
   */
  @Benchmark
  public int read() {
    int step = LANES.vectorByteSize();
    IntVector first = IntVector.zero(LANES);
    IntVector second = first;
    IntVector third = first;
    IntVector fourth = first;
    for (long at = 0; at < bytesPerThread; at += 4L * step) {
      first = first.add(at(at));
      second = second.add(at(at + step));
      third = third.add(at(at + 2L * step));
      fourth = fourth.add(at(at + 3L * step));
    }
    return first.add(second).add(third.add(fourth)).reduceLanes(VectorOperators.ADD);
  }

  private IntVector at(long offset) {
    return IntVector.fromMemorySegment(LANES, values, offset, ByteOrder.LITTLE_ENDIAN);
  }
}
