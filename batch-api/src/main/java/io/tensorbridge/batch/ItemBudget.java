package io.tensorbridge.batch;

/** How much all clients' {@link KnownItems} may hold together; used by the dispatcher only. */
final class ItemBudget {
  private long wordsLeft;

  /**
   * A budget.
   *
   * @param words of item records, 8 bytes each; what is known of an item takes about ten times that
   */
  ItemBudget(long words) {
    wordsLeft = words;
  }

  boolean take(int words) {
    if (words > wordsLeft) {
      return false;
    }
    wordsLeft -= words;
    return true;
  }

  long wordsLeft() {
    return wordsLeft;
  }

  void giveBack(int words) {
    wordsLeft += words;
  }
}
