package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The dictionaries that a writer has written, and what of one is still to be; not thread-safe. */
final class WrittenDictionaries {
  static final String ONE_DICTIONARY = "one dictionary for all batches of a file, but for deltas";
  static final String ONE_IN_A_BATCH = "one dictionary for each id in a batch";

  private final WriteOptions options;
  private final Map<Long, ArrowColumn> written = new HashMap<>();
  private final Set<Long> inBatch = new HashSet<>();

  WrittenDictionaries(WriteOptions options) {
    this.options = options;
  }

  /**
   * What is to be written.
   *
   * @param delta whether it is added to what readers have, else replaces that
   * @param from the first row
   */
  record Part(boolean delta, long from) {}

  /** Begins a batch, all columns of which see the dictionaries that stand before it. */
  void beginBatch() {
    inBatch.clear();
  }

  /**
   * What of a dictionary must be written before a batch that refers to it.
   *
   * @param field whose indexes refer to it
   * @param values all of it
   * @param around whether it is a part of another dictionary
   * @return empty if readers have it
   * @throws FormatException if the format can't tell it
   */
  Optional<Part> next(ArrowField field, ArrowColumn values, boolean around) {
    long id = field.dictionary().orElseThrow().id();
    boolean again = !inBatch.add(id);
    ArrowColumn before = written.get(id);
    if (before == null) {
      written.put(id, values);
      return Optional.of(new Part(false, 0));
    }
    if (ColumnPlan.sameBytes(before, values)) {
      return Optional.empty();
    }
    boolean alone = !around && ColumnTail.canBegin(values.field());
    boolean enough = again || !options.streaming();
    if (alone && enough && values.length() <= before.length()
        && ColumnPrefix.isPrefix(values, before)) {
      return Optional.empty(); // all indexes lead to the same values
    }
    if (alone && options.dictionaryDeltas() && before.length() < values.length()
        && ColumnPrefix.isPrefix(before, values)) {
      written.put(id, values);
      return Optional.of(new Part(true, before.length()));
    }
    requireReplaceable(field, id, again);
    written.put(id, values);
    return Optional.of(new Part(false, 0));
  }

  private void requireReplaceable(ArrowField field, long id, boolean again) {
    if (again) {
      throw new FormatException("the dictionary " + id + " of the column \"" + field.name()
          + "\" has other values in another column of the batch; give them ids of their own; "
          + ONE_IN_A_BATCH, -1, ONE_IN_A_BATCH);
    }
    if (!options.streaming()) {
      throw new FormatException("the dictionary " + id + " of the column \"" + field.name()
          + "\" changes from batch to batch, which a file can't tell; write a stream, or unify the"
          + " dictionaries; " + ONE_DICTIONARY, -1, ONE_DICTIONARY);
    }
  }
}
