package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.WorkCounts;
import java.util.ArrayList;
import java.util.List;

/**
 * Counts the work for one client: plain numbers, since one thread at a time writes and reads them.
 * Each client has one for what the dispatcher does, and one for the runs of the workers, which the
 * lock of {@link ClientBatches} guards.
 *
 * <p>Times are counted in buckets of powers of 2 ({@link WorkCounts#bucketOf}): an addition to one
 * of 32 numbers, where finer histograms cost kilobytes for each client and a cache miss for each
 * batch.
 */
final class Tally {
  /** What went wrong last. */
  record Failure(ErrorCode code, String text, long nanoTime) {
    static final Failure NONE = new Failure(ErrorCode.OK, "", 0);

    Failure orLater(Failure other) {
      boolean otherIsLater =
          code == ErrorCode.OK
              || (other.code != ErrorCode.OK && other.nanoTime - nanoTime > 0);
      return otherIsLater ? other : this;
    }
  }

  private final long[] runTimes = new long[WorkCounts.BUCKETS];
  private long batches;
  private long items;
  private long failedItems;
  private long refused;
  private long inputBytes;
  private long outputBytes;
  private long busyNanos;
  private long runNanos;
  private Failure lastFailure = Failure.NONE;

  /** A run has ended. */
  void ran(BoundBatch batch, int failed, long nanos) {
    batches++;
    items += batch.size();
    failedItems += failed;
    inputBytes += batch.inputBytes();
    outputBytes += batch.outputBytes();
    runNanos += nanos;
    runTimes[WorkCounts.bucketOf(nanos)]++;
  }

  /** Time in which batches ran that was not counted yet. */
  void busy(long nanos) {
    busyNanos += nanos;
  }

  /** A submission or message was refused as a whole. */
  void refused(BridgeException failure) {
    refused++;
    failed(failure);
  }

  /** Something failed. */
  void failed(BridgeException failure) {
    String text = String.valueOf(failure.getMessage());
    lastFailure = new Failure(failure.code(), text, System.nanoTime());
  }

  Failure lastFailure() {
    return lastFailure;
  }

  WorkCounts counts() {
    List<Long> times = new ArrayList<>(runTimes.length);
    for (long count : runTimes) {
      times.add(count);
    }
    return new WorkCounts(
        batches,
        items,
        failedItems,
        refused,
        inputBytes,
        outputBytes,
        busyNanos,
        runNanos,
        times);
  }
}
