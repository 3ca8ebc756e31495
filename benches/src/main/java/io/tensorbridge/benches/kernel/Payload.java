package io.tensorbridge.benches.kernel;

import io.tensorbridge.benches.UsageException;

/**
 * How much float32 one operation reads or writes.
 *
 * @param dramBytes of all threads together
 * @param cacheBytes of each thread
 */
record Payload(long dramBytes, long cacheBytes) {
  /** Elements of a row: whole blocks of every scheme, super-blocks of 256 among them. */
  static final int COLUMNS = 4096;

  private static final long ROW_BYTES = COLUMNS * (long) Float.BYTES;

  /** Two threads get a half each, so the whole is two rows or more. */
  static final long UNIT_BYTES = 2 * ROW_BYTES;

  private static final long LEAST_DRAM = 64L << 20;
  private static final long MOST_DRAM = 512L << 20;

  /** Checks that rows come out whole. */
  Payload {
    if (dramBytes < UNIT_BYTES || dramBytes % UNIT_BYTES != 0) {
      throw new UsageException(
          "--dram-bytes is " + dramBytes + "; take a multiple of " + UNIT_BYTES);
    }
  }

  /** Eight times the last cache for DRAM, a quarter of the second for the cache. */
  static Payload of(CpuCaches caches) {
    long dram = Math.clamp(8 * caches.lastLevelBytes(), LEAST_DRAM, MOST_DRAM);
    long cache = Math.max(ROW_BYTES, caches.secondLevelBytes() / 4 / ROW_BYTES * ROW_BYTES);
    return new Payload(dram / UNIT_BYTES * UNIT_BYTES, cache);
  }

  /** The same with another size in DRAM. */
  Payload withDramBytes(long bytes) {
    return new Payload(bytes, cacheBytes);
  }

  /** What one thread works on. */
  long bytesPerThread(Place place, int threads) {
    return switch (place) {
      case DRAM -> dramBytes / threads;
      case CACHE -> cacheBytes;
    };
  }
}
