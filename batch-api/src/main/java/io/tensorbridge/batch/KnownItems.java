package io.tensorbridge.batch;

import io.tensorbridge.batch.wire.ItemRecord;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Items that one client has named before, found by the bytes of their records, so that what was
 * validated once is not validated again; used by the dispatcher only.
 *
 * <p>A bound item depends on three things: what its batch asks for, its record, and the regions that
 * the record names. An entry is found only if all are the same: the {@link AskedOperation} is the same
 * object, all bytes are equal, and no region was released since. A region that is registered again is
 * another object, whatever its generation. Entries hold no lease, so they delay no release.
 *
 * <p>There are two generations: when the young one is full it becomes the old one, whose entries are
 * forgotten the next time unless they were used again. A client that chooses records which fall on one
 * place of the table gains nothing: an entry is looked for in {@link #WINDOW} places.
 *
 * <p>A generation is bounded by the words of its records and of the texts that asked for them, each
 * text counted once.
 */
final class KnownItems {
  private static final int WINDOW = 32;
  private static final int LEAST_SLOTS = 64;
  private static final int SLOTS_PER_ITEM = 4;
  /** Longer records are not kept: their items do more work than a look saves. */
  private static final int LONGEST_RECORD_WORDS = 128;

  /** What one generation holds at most: 9362 matrices. */
  static final int GENERATION_WORDS = 1 << 16;

  private static final class Known {
    private final AskedOperation asked;
    private final long[] words;
    private final BoundItem.Planned item;

    Known(AskedOperation asked, long[] words, BoundItem.Planned item) {
      this.asked = asked;
      this.words = words;
      this.item = item;
    }

    boolean is(AskedOperation otherAsked, MemorySegment block, long at, int length) {
      return asked == otherAsked
          && words.length == length
          && ItemRecord.matches(block, at, words);
    }
  }

  private static final class Generation {
    private int[] hashes = new int[LEAST_SLOTS];
    private @Nullable Known[] items = new Known[LEAST_SLOTS];
    /** What the items were asked by; their plans keep its texts. */
    private final Set<AskedOperation> asked = Collections.newSetFromMap(new IdentityHashMap<>());

    private int count;
    private int words;

    @Nullable
    Known find(int hash, AskedOperation asked, MemorySegment block, long at, int length) {
      int mask = hashes.length - 1;
      for (int i = 0; i < WINDOW; i++) {
        int slot = (hash + i) & mask;
        Known candidate = items[slot];
        if (candidate == null) {
          return null;
        }
        if (hashes[slot] == hash && candidate.is(asked, block, at, length)) {
          return candidate;
        }
      }
      return null;
    }

    /** The words that an item would add. */
    int wordsOf(Known known) {
      return known.words.length + (asked.contains(known.asked) ? 0 : known.asked.words());
    }

    /**
     * Adds an item, in place of one that is of no more use, or of any if the window is full.
     *
     * @return the words of the items that had to go
     */
    int add(int hash, Known known) {
      if (asked.add(known.asked)) {
        words += known.asked.words();
      }
      int gone = SLOTS_PER_ITEM * (count + 1) > hashes.length ? grow() : 0;
      return gone + put(hash, known);
    }

    private int put(int hash, Known known) {
      int slot = slot(hash);
      Known before = items[slot];
      int gone = before == null ? 0 : before.words.length;
      hashes[slot] = hash;
      items[slot] = known;
      count += before == null ? 1 : 0;
      words += known.words.length - gone;
      return gone;
    }

    private int slot(int hash) {
      int mask = hashes.length - 1;
      for (int i = 0; i < WINDOW; i++) {
        int slot = (hash + i) & mask;
        Known candidate = items[slot];
        if (candidate == null || !candidate.item.places().areLive()) {
          return slot;
        }
      }
      return hash & mask;
    }

    private int grow() {
      int wordsBefore = words;
      int[] oldHashes = hashes;
      @Nullable
      Known[] oldItems = items;
      int[] newHashes = new int[2 * oldHashes.length];
      items = new Known[newHashes.length];
      hashes = newHashes; // both or none, should the heap be full
      words -= itemWords(oldItems);
      count = 0;
      for (int i = 0; i < oldItems.length; i++) {
        Known known = oldItems[i];
        if (known != null && known.item.places().areLive()) {
          put(oldHashes[i], known);
        }
      }
      return wordsBefore - words;
    }

    private static int itemWords(@Nullable Known[] items) {
      int sum = 0;
      for (Known known : items) {
        sum += known == null ? 0 : known.words.length;
      }
      return sum;
    }

    void clear() {
      Arrays.fill(items, null);
      asked.clear();
      count = 0;
      words = 0;
    }
  }

  private final long multiplier = ThreadLocalRandom.current().nextLong() | 1;
  private final ItemBudget budget;
  private Generation young = new Generation();
  private Generation old = new Generation();

  /**
   * No items yet.
   *
   * @param budget what all clients share
   */
  KnownItems(ItemBudget budget) {
    this.budget = budget;
  }

  /**
   * Looks for the present item of a block.
   *
   * @param block whose operation is kept
   * @return the item as it was bound before; null if it is not known, or names a region that is gone
   */
  BoundItem.@Nullable Planned find(BlockDecoder block) {
    int words = words(block);
    if (words == 0) {
      return null;
    }
    MemorySegment memory = block.block();
    long at = block.itemAt();
    int hash = ItemRecord.hash(memory, at, words, multiplier);
    Known known = young.find(hash, block.asked(), memory, at, words);
    if (known == null && old.count > 0) {
      known = old.find(hash, block.asked(), memory, at, words);
      if (known != null && known.item.places().areLive()) {
        keep(hash, known);
      }
    }
    return known != null && known.item.places().areLive() ? known.item : null;
  }

  /**
   * Remembers the present item of a block, which was not found.
   *
   * @param block as for {@link #find}
   * @param item what it was bound to
   */
  void add(BlockDecoder block, BoundItem.Planned item) {
    int words = words(block);
    if (words > 0) {
      MemorySegment memory = block.block();
      long at = block.itemAt();
      long[] copy = ItemRecord.words(memory, at, words);
      int hash = ItemRecord.hash(memory, at, words, multiplier);
      keep(hash, new Known(block.asked(), copy, item));
    }
  }

  /** The length of the present record; 0 if it can't be an item's, or is too long. */
  private static int words(BlockDecoder block) {
    long bytes = block.itemLength();
    boolean whole = bytes % Long.BYTES == 0 && bytes <= LONGEST_RECORD_WORDS * Long.BYTES;
    return whole ? (int) (bytes / Long.BYTES) : 0;
  }

  private void keep(int hash, Known known) {
    int words = young.wordsOf(known);
    if (young.words + words > GENERATION_WORDS) {
      age();
      words = young.wordsOf(known);
    }
    if (!budget.take(words)) {
      age();
      words = young.wordsOf(known);
      if (!budget.take(words)) {
        return;
      }
    }
    budget.giveBack(young.add(hash, known));
  }

  private void age() {
    if (young.count + old.count > 0) {
      budget.giveBack(old.words);
      Generation oldest = old;
      old = young;
      young = oldest;
      young.clear();
    }
  }

  /** The number of items that are remembered. */
  int size() {
    return young.count + old.count;
  }

  /** Forgets everything; makes no object, since the heap may be full. */
  void forget() {
    budget.giveBack(young.words + old.words);
    young.clear();
    old.clear();
  }
}
