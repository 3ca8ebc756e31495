package io.tensorbridge.benches.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Memory that outlives a measurement, because touching new pages costs more than the kernels do;
 * thread-safe.
 */
final class WarmMemory {
  /** The areas of this JVM, which measures one subject and ends. */
  private static final Map<Area, MemorySegment> AREAS = new ConcurrentHashMap<>();

  /** Different values, 4 MiB: no branch predictor learns them, and they are soon made. */
  private static final int DISTINCT = 1 << 20;

  /**
   * Between the beginnings of areas within a page: huge pages would else lay them out alike, and the
   * casts to 16 bits then ran at a sixth of their speed, as reads and writes fall onto each other.
   */
  private static final long APART = 4096 + 64 * 17;

  private static final long SEED = 42;

  /** What memory is for. */
  enum Area {
    /** Normally distributed float32. */
    VALUES(0),
    /** Parts of a quantized tensor, one behind the other. */
    CODED(APART),
    /** Where float32 goes. */
    DECODED(2 * APART);

    private final long begin;

    Area(long begin) {
      this.begin = begin;
    }
  }

  private WarmMemory() {}

  /**
   * A thread's part of an area.
   *
   * @param area its content
   * @param thread from 0
   * @param threads how many ask for a part of this size
   * @param bytes of each part
   * @return native memory, every page of it touched; valid until a larger area is asked for
   */
  static MemorySegment part(Area area, int thread, int threads, long bytes) {
    MemorySegment whole =
        AREAS.compute(
            area,
            (key, known) -> known != null && known.byteSize() >= threads * bytes
                ? known
                : allocate(key, threads * bytes));
    return whole.asSlice(thread * bytes, bytes);
  }

  private static MemorySegment allocate(Area area, long bytes) {
    MemorySegment memory =
        Arena.ofAuto().allocate(area.begin + bytes, 64).asSlice(area.begin, bytes);
    if (area == Area.VALUES) {
      fill(memory);
    }
    return memory;
  }

  private static void fill(MemorySegment memory) {
    Random random = new Random(SEED);
    long distinct = Math.min(DISTINCT, memory.byteSize() / Float.BYTES);
    for (long i = 0; i < distinct; i++) {
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    long filled = distinct * Float.BYTES;
    while (filled < memory.byteSize()) {
      long more = Math.min(filled, memory.byteSize() - filled);
      MemorySegment.copy(memory, 0, memory, filled, more);
      filled += more;
    }
  }
}
