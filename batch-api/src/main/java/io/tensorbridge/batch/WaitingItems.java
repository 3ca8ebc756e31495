package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.op.Outcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The items of one batch that wait for outputs, or are being resumed, and the leases on what they
 * read; thread-safe.
 */
final class WaitingItems {
  /** An item in the middle of its execution. */
  record Item(ItemPlaces places, long workBytes, Outcome.NeedsSpace needs) {}

  private final long batchId;
  private final String operation;
  private final int itemCount;
  private final List<LeaseSet> leases = new ArrayList<>();
  private final Map<Integer, Item> items = new HashMap<>();
  private int resuming;
  private boolean forgotten;

  /**
   * No waiting items yet.
   *
   * @param batchId by which the client knows the batch
   * @param operation what the items are in the middle of
   * @param itemCount items of the batch
   */
  WaitingItems(long batchId, String operation, int itemCount) {
    this.batchId = batchId;
    this.operation = operation;
    this.itemCount = itemCount;
  }

  long batchId() {
    return batchId;
  }

  String operation() {
    return operation;
  }

  int itemCount() {
    return itemCount;
  }

  synchronized List<LeaseSet> leases() {
    return List.copyOf(leases);
  }

  synchronized Item require(int index) {
    Item item = items.get(index);
    if (item == null) {
      throw new ProtocolException(
          ErrorCode.BAD_COUNT, "item " + index + " of the batch does not wait");
    }
    return item;
  }

  synchronized boolean isForgotten() {
    return forgotten;
  }

  /** Whether nothing waits and nothing may wait again. */
  synchronized boolean isOver() {
    return items.isEmpty() && resuming == 0;
  }

  /** Adds items that wait, and takes over the leases of the run that they were in. */
  synchronized void add(Map<Integer, Item> waiting, List<LeaseSet> heldLeases) {
    items.putAll(waiting);
    leases.addAll(heldLeases);
  }

  /** Takes out the items that a RESUME has named. */
  synchronized void beginResume(BoundBatch resumed) {
    for (int i = 0; i < resumed.size(); i++) {
      if (resumed.item(i) instanceof BoundItem.Continued item) {
        items.remove(item.itemIndex());
      }
    }
    resuming++;
  }

  synchronized void endResume() {
    resuming--;
  }

  synchronized void forget() {
    forgotten = true;
    items.clear();
    leases.forEach(LeaseSet::release);
    leases.clear();
  }
}
