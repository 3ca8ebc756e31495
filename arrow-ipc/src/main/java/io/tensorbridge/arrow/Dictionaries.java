package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import org.apache.arrow.flatbuf.DictionaryBatch;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;

/**
 * The dictionaries of a file or stream, as they stand at a place of it; not thread-safe.
 *
 * <p>A dictionary is read when a column refers to it, so that dictionaries that refer to others may
 * come in any order. A delta adds values behind those that are there; in a stream, a dictionary may
 * also be replaced.
 */
final class Dictionaries {
  static final String DICTIONARY = "a dictionary in each block";
  static final String ONE_TYPE = "one type for each dictionary";
  static final String CYCLES = "dictionaries that don't hold themselves";
  static final String KNOWN = "dictionaries that the schema refers to";
  static final String BEFORE = "dictionaries before the columns that refer to them";
  static final String ONCE = "each dictionary once in a file, but for deltas";

  private final OwnMemory memory;
  private final Map<Long, ArrowField> fields = new HashMap<>();
  private final Map<Long, List<IpcMessage>> messages = new HashMap<>();
  private final Map<Long, ArrowColumn> values = new HashMap<>();
  private boolean nested;

  private Dictionaries(OwnMemory memory) {
    this.memory = memory;
  }

  /**
   * The dictionaries of a schema, without values.
   *
   * @param source of the schema
   * @throws FormatException if the schema contradicts itself
   */
  static Dictionaries of(ArrowSchema schema, ByteSource source, OwnMemory memory) {
    Dictionaries dictionaries = new Dictionaries(memory);
    for (ArrowField field : schema.fields()) {
      dictionaries.collect(field, new HashSet<>(), source);
    }
    return dictionaries;
  }

  private void collect(ArrowField field, Set<Long> around, ByteSource source) {
    DictionaryEncoding encoding = field.dictionary().orElse(null);
    Set<Long> within = around;
    if (encoding != null) {
      nested |= !around.isEmpty();
      within = new HashSet<>(around);
      if (!within.add(encoding.id())) {
        throw source.broken(0, CYCLES, "the dictionary " + encoding.id() + " of the field \""
            + field.name() + "\" is one of its own values");
      }
      ArrowField other = fields.putIfAbsent(encoding.id(), field.valueField());
      if (other != null && !other.typeText().equals(field.valueField().typeText())) {
        throw source.broken(0, ONE_TYPE, "the dictionary " + encoding.id() + " holds "
            + other.typeText() + " and " + field.valueField().typeText());
      }
    }
    for (ArrowField child : field.children()) {
      collect(child, within, source);
    }
  }

  OwnMemory memory() {
    return memory;
  }

  /**
   * Takes a message of values.
   *
   * @param replaces whether a second message that is no delta replaces the first
   * @throws FormatException with the rule that is broken
   */
  void add(IpcMessage message, boolean replaces) {
    DictionaryBatch batch = batch(message);
    long id = batch.id();
    if (!fields.containsKey(id)) {
      throw broken(message, KNOWN, "a dictionary " + id + " where there are " + fields.keySet());
    }
    List<IpcMessage> known = messages.computeIfAbsent(id, _ -> new ArrayList<>());
    if (batch.isDelta() && known.isEmpty()) {
      throw broken(message, BEFORE, "a delta to the dictionary " + id + ", which is not there");
    }
    if (!batch.isDelta()) {
      if (!known.isEmpty() && !replaces) {
        throw broken(message, ONCE, "the dictionary " + id + " is there twice");
      }
      known.clear();
    }
    known.add(message);
    if (nested) {
      values.clear();
    } else {
      values.remove(id);
    }
  }

  /** Reads all that no column has asked for. */
  void requireReadable() {
    for (long id : messages.keySet()) {
      values(id);
    }
  }

  /**
   * The values that a field's indexes refer to.
   *
   * @param noIndexes whether all rows are null: then the dictionary may be missing
   * @param broken makes a failure of a rule and what was found
   * @throws FormatException with the rule that is broken
   */
  ArrowColumn values(
      ArrowField field,
      DictionaryEncoding encoding,
      boolean noIndexes,
      BiFunction<String, String, FormatException> broken) {
    if (messages.containsKey(encoding.id())) {
      return values(encoding.id());
    }
    if (!noIndexes) {
      throw broken.apply(BEFORE, "the dictionary " + encoding.id() + " of the column \""
          + field.name() + "\" is missing");
    }
    return EmptyColumn.of(field.valueField());
  }

  private ArrowColumn values(long id) {
    ArrowColumn known = values.get(id);
    if (known != null) {
      return known;
    }
    List<ArrowColumn> parts = new ArrayList<>();
    for (IpcMessage message : messages.getOrDefault(id, List.of())) {
      RecordBatch batch = batch(message).data();
      parts.add(
          BatchReader.readValues(fields.getOrDefault(id, EmptyColumn.NULLS), message, batch, this));
    }
    ArrowColumn read = parts.size() == 1 ? parts.getFirst() : ColumnJoin.of(parts, memory);
    values.put(id, read);
    return read;
  }

  private static DictionaryBatch batch(IpcMessage message) {
    DictionaryBatch batch =
        message.header().headerType() == MessageHeader.DictionaryBatch
            ? (DictionaryBatch) message.header().header(new DictionaryBatch())
            : null;
    if (batch == null || batch.data() == null) {
      throw broken(message, DICTIONARY,
          "a message of the type " + message.header().headerType()
              + (batch == null ? "" : " without values"));
    }
    return batch;
  }

  private static FormatException broken(IpcMessage message, String rule, String found) {
    return message.metadata().broken(0, rule, found);
  }
}
