package io.tensorbridge.batch;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Objects under numbers that a client has chosen, without a boxed number for each look; not
 * thread-safe.
 *
 * <p>Open addressing, at most half full. The multiplier is random, so that a client can't choose
 * numbers that fall on one place.
 *
 * @param <V> what is kept
 */
final class LongMap<V> {
  private static final int LEAST = 16;

  private final long multiplier = ThreadLocalRandom.current().nextLong() | 1;
  private long[] keys = new long[LEAST];
  private @Nullable Object[] values = new Object[LEAST];
  private int size;

  int size() {
    return size;
  }

  @SuppressWarnings("unchecked")
  @Nullable
  V get(long key) {
    return (V) values[slot(key)];
  }

  /** Keeps a value in place of the one that the key had. */
  void put(long key, V value) {
    if (2 * (size + 1) > keys.length) {
      grow();
    }
    int slot = slot(key);
    if (values[slot] == null) {
      size++;
    }
    keys[slot] = key;
    values[slot] = value;
  }

  /** Takes a value out, if the key has one. */
  @Nullable
  V remove(long key) {
    V removed = get(key);
    if (removed != null) {
      size--;
      empty(slot(key));
    }
    return removed;
  }

  /** Empties a slot, and moves back what would no longer be found behind it. */
  private void empty(int slot) {
    int mask = keys.length - 1;
    int hole = slot;
    for (int i = (slot + 1) & mask; values[i] != null; i = (i + 1) & mask) {
      int home = home(keys[i]);
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        keys[hole] = keys[i];
        values[hole] = values[i];
        hole = i;
      }
    }
    values[hole] = null;
  }

  void clear() {
    keys = new long[LEAST];
    values = new Object[LEAST];
    size = 0;
  }

  /** The keys in no order. */
  List<Long> keys() {
    List<Long> list = new ArrayList<>(size);
    for (int i = 0; i < keys.length; i++) {
      if (values[i] != null) {
        list.add(keys[i]);
      }
    }
    return list;
  }

  /** The values in no order. */
  @SuppressWarnings("unchecked")
  List<V> values() {
    List<V> list = new ArrayList<>(size);
    for (Object value : values) {
      if (value != null) {
        list.add((V) value);
      }
    }
    return list;
  }

  /** Where a key lies, or would. */
  private int slot(long key) {
    int mask = keys.length - 1;
    int slot = home(key);
    while (values[slot] != null && keys[slot] != key) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private int home(long key) {
    return (int) ((key * multiplier) >>> (Long.numberOfLeadingZeros(keys.length) + 1));
  }

  private void grow() {
    long[] oldKeys = keys;
    @Nullable
    Object[] oldValues = values;
    keys = new long[2 * oldKeys.length];
    values = new Object[keys.length];
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldValues[i] != null) {
        int slot = slot(oldKeys[i]);
        keys[slot] = oldKeys[i];
        values[slot] = oldValues[i];
      }
    }
  }
}
