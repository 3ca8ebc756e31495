package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What was done for a client since it came, or for all since the server began; never falls.
 *
 * <pre>
 *    0                               8                               16                              24                              32
 *    +-------------------------------+-------------------------------+-------------------------------+-------------------------------+
 *    | batches                       | items                         | failed_items                  | refused                       |
 *    +-------------------------------+-------------------------------+-------------------------------+-------------------------------+
 *    | input_bytes                   | output_bytes                  | busy_nanos                    | run_nanos                     |
 *    +-------------------------------+-------------------------------+-------------------------------+-------------------------------+
 *    | run_times, u64[32]
 *    +----------------------------------------------------------------
 * </pre>
 *
 * @param batches runs that have ended
 * @param items items of these runs
 * @param failedItems those that failed
 * @param refused submissions and messages that were refused as a whole
 * @param inputBytes bytes of the tensors that these runs read
 * @param outputBytes bytes of the tensors that they wrote
 * @param busyNanos time in which at least one batch ran; of all clients the sum
 * @param runNanos the sum of the runs' times
 * @param runTimes runs by time: number {@code i} counts those below {@link #upperNanos}{@code (i)}
 *     that are in no lower bucket, the last one all others
 */
public record WorkCounts(
    long batches,
    long items,
    long failedItems,
    long refused,
    long inputBytes,
    long outputBytes,
    long busyNanos,
    long runNanos,
    List<Long> runTimes) {
  /** How many buckets the times of runs fall into. */
  public static final int BUCKETS = 32;

  /** The size of the structure. */
  static final int BYTES = 64 + 8 * BUCKETS;

  /** No work. */
  public static final WorkCounts NONE = new WorkCounts(0, 0, 0, 0, 0, 0, 0, 0, zeros());

  private static final int FIRST_BUCKET_BITS = 8;

  private static final int BATCHES_OFFSET = 0;
  private static final int ITEMS_OFFSET = BATCHES_OFFSET + 8;
  private static final int FAILED_ITEMS_OFFSET = ITEMS_OFFSET + 8;
  private static final int REFUSED_OFFSET = FAILED_ITEMS_OFFSET + 8;
  private static final int INPUT_BYTES_OFFSET = REFUSED_OFFSET + 8;
  private static final int OUTPUT_BYTES_OFFSET = INPUT_BYTES_OFFSET + 8;
  private static final int BUSY_NANOS_OFFSET = OUTPUT_BYTES_OFFSET + 8;
  private static final int RUN_NANOS_OFFSET = BUSY_NANOS_OFFSET + 8;
  private static final int RUN_TIMES_OFFSET = RUN_NANOS_OFFSET + 8;

  /** Refuses another number of buckets. */
  public WorkCounts {
    runTimes = List.copyOf(runTimes);
    if (runTimes.size() != BUCKETS) {
      throw new IllegalArgumentException(runTimes.size() + " buckets instead of " + BUCKETS);
    }
  }

  private static List<Long> zeros() {
    return Collections.nCopies(BUCKETS, 0L);
  }

  /**
   * Where a run of some time is counted.
   *
   * @param nanos its time
   * @return 0 to {@link #BUCKETS}{@code  - 1}
   */
  public static int bucketOf(long nanos) {
    int bits = Long.SIZE - Long.numberOfLeadingZeros(Math.max(0, nanos));
    return Math.clamp(bits - FIRST_BUCKET_BITS, 0, BUCKETS - 1);
  }

  /**
   * The end of a bucket: 256 ns for the first, twice as much for each that follows.
   *
   * @param bucket 0 to {@link #BUCKETS}{@code  - 1}
   * @return nanoseconds, not in the bucket; {@link Long#MAX_VALUE} for the last
   */
  public static long upperNanos(int bucket) {
    return bucket == BUCKETS - 1 ? Long.MAX_VALUE : 1L << (FIRST_BUCKET_BITS + bucket);
  }

  /**
   * The time that a part of the runs stayed below, as far as the buckets tell: within a bucket, runs
   * are taken to lie evenly.
   *
   * @param part for example 0.99
   * @return nanoseconds; 0 if there was no run
   */
  public double quantileNanos(double part) {
    long all = 0;
    for (long count : runTimes) {
      all += count;
    }
    double wanted = part * all;
    double below = 0;
    for (int i = 0; i < BUCKETS; i++) {
      long count = runTimes.get(i);
      if (count > 0 && below + count >= wanted) {
        double lower = i == 0 ? 0 : upperNanos(i - 1);
        double upper = i == BUCKETS - 1 ? lower : upperNanos(i);
        return lower + (upper - lower) * (wanted - below) / count;
      }
      below += count;
    }
    return 0;
  }

  /**
   * Work here and there.
   *
   * @param other for another client
   * @return the sums
   */
  public WorkCounts plus(WorkCounts other) {
    return combined(other, 1);
  }

  /**
   * Work since an earlier look.
   *
   * @param earlier the same counters, read before
   * @return the differences
   */
  public WorkCounts minus(WorkCounts earlier) {
    return combined(earlier, -1);
  }

  private WorkCounts combined(WorkCounts other, int sign) {
    List<Long> times = new ArrayList<>(BUCKETS);
    for (int i = 0; i < BUCKETS; i++) {
      times.add(runTimes.get(i) + sign * other.runTimes.get(i));
    }
    return new WorkCounts(
        batches + sign * other.batches,
        items + sign * other.items,
        failedItems + sign * other.failedItems,
        refused + sign * other.refused,
        inputBytes + sign * other.inputBytes,
        outputBytes + sign * other.outputBytes,
        busyNanos + sign * other.busyNanos,
        runNanos + sign * other.runNanos,
        times);
  }

  static WorkCounts read(MemorySegment segment, long at) {
    List<Long> times = new ArrayList<>(BUCKETS);
    for (int i = 0; i < BUCKETS; i++) {
      times.add(LittleEndian.getLong(segment, at + RUN_TIMES_OFFSET + 8L * i));
    }
    return new WorkCounts(
        LittleEndian.getLong(segment, at + BATCHES_OFFSET),
        LittleEndian.getLong(segment, at + ITEMS_OFFSET),
        LittleEndian.getLong(segment, at + FAILED_ITEMS_OFFSET),
        LittleEndian.getLong(segment, at + REFUSED_OFFSET),
        LittleEndian.getLong(segment, at + INPUT_BYTES_OFFSET),
        LittleEndian.getLong(segment, at + OUTPUT_BYTES_OFFSET),
        LittleEndian.getLong(segment, at + BUSY_NANOS_OFFSET),
        LittleEndian.getLong(segment, at + RUN_NANOS_OFFSET),
        times);
  }

  void write(MemorySegment segment, long at) {
    LittleEndian.putLong(segment, at + BATCHES_OFFSET, batches);
    LittleEndian.putLong(segment, at + ITEMS_OFFSET, items);
    LittleEndian.putLong(segment, at + FAILED_ITEMS_OFFSET, failedItems);
    LittleEndian.putLong(segment, at + REFUSED_OFFSET, refused);
    LittleEndian.putLong(segment, at + INPUT_BYTES_OFFSET, inputBytes);
    LittleEndian.putLong(segment, at + OUTPUT_BYTES_OFFSET, outputBytes);
    LittleEndian.putLong(segment, at + BUSY_NANOS_OFFSET, busyNanos);
    LittleEndian.putLong(segment, at + RUN_NANOS_OFFSET, runNanos);
    for (int i = 0; i < BUCKETS; i++) {
      LittleEndian.putLong(segment, at + RUN_TIMES_OFFSET + 8L * i, runTimes.get(i));
    }
  }
}
