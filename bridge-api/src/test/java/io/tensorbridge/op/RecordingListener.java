package io.tensorbridge.op;

import io.tensorbridge.BridgeException;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Keeps everything that a batch reports, and checks the order of reports. */
final class RecordingListener implements OpBatch.Listener {
  final SortedMap<Integer, Outcome> outcomes = new TreeMap<>();
  final SortedMap<Integer, BridgeException> failures = new TreeMap<>();
  final List<Long> progress = new ArrayList<>();
  final List<String> wrong = new ArrayList<>();
  private final CountDownLatch end = new CountDownLatch(1);

  @Override
  public synchronized void itemEnded(int item, Outcome outcome) {
    report(item);
    outcomes.put(item, outcome);
  }

  @Override
  public synchronized void itemFailed(int item, BridgeException failure) {
    report(item);
    failures.put(item, failure);
  }

  private void report(int item) {
    if (end.getCount() == 0) {
      wrong.add("item " + item + " is reported after the end");
    }
    if (outcomes.containsKey(item) || failures.containsKey(item)) {
      wrong.add("item " + item + " is reported twice");
    }
  }

  @Override
  public synchronized void progressed(long doneBytes) {
    if (!progress.isEmpty() && doneBytes < progress.getLast()) {
      wrong.add("progress fell to " + doneBytes);
    }
    progress.add(doneBytes);
  }

  @Override
  public synchronized void batchEnded() {
    if (end.getCount() == 0) {
      wrong.add("the batch ended twice");
    }
    end.countDown();
  }

  boolean hasEnded() {
    return end.getCount() == 0;
  }

  void await() throws InterruptedException {
    if (!end.await(10, TimeUnit.SECONDS)) {
      throw new AssertionError("the batch has not ended after 10 s");
    }
  }
}
