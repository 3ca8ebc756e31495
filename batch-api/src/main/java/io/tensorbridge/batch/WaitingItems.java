package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.op.Outcome;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The items of one batch that wait for outputs, and the leases on what they read. Filled by the
 * threads of the batch, later used by the dispatcher only.
 */
final class WaitingItems {
  /** An item in the middle of its execution. */
  record Item(DecodedItem source, long workBytes, Outcome.NeedsSpace needs) {}

  private final String operation;
  private final int itemCount;
  private final List<LeaseSet> leases;
  private final Map<Integer, Item> items = new HashMap<>();

  /**
   * No waiting items yet.
   *
   * @param operation what they are in the middle of
   * @param itemCount items of the batch
   * @param leases taken over from the batch, released by {@link #forget()}
   */
  WaitingItems(String operation, int itemCount, List<LeaseSet> leases) {
    this.operation = operation;
    this.itemCount = itemCount;
    this.leases = leases;
  }

  String operation() {
    return operation;
  }

  int itemCount() {
    return itemCount;
  }

  List<LeaseSet> leases() {
    return leases;
  }

  int count() {
    return items.size();
  }

  void add(int index, Item item) {
    items.put(index, item);
  }

  Item require(int index) {
    Item item = items.get(index);
    if (item == null) {
      throw new ProtocolException(
          ErrorCode.BAD_COUNT, "item " + index + " of the batch does not wait");
    }
    return item;
  }

  /** Takes out the items that a RESUME has named. */
  void remove(List<DecodedItem> resumed) {
    resumed.forEach(item -> items.remove(item.itemIndex()));
  }

  void forget() {
    items.clear();
    leases.forEach(LeaseSet::release);
  }
}
