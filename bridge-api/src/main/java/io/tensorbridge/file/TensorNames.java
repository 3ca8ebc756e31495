package io.tensorbridge.file;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds the entries of a file by name, for those who implement {@link TensorFile}; immutable. */
public final class TensorNames {
  private static final int SUGGESTIONS = 3;

  private final Path path;
  private final List<TensorEntry> entries;
  private final Map<String, Integer> indexes;

  /**
   * The entries of a file.
   *
   * @param path the file, for messages
   * @param entries with different names
   */
  public TensorNames(Path path, List<TensorEntry> entries) {
    this.path = path;
    this.entries = List.copyOf(entries);
    this.indexes = HashMap.newHashMap(entries.size());
    for (int i = 0; i < entries.size(); i++) {
      indexes.put(entries.get(i).name(), i);
    }
  }

  /**
   * All entries.
   *
   * @return in the order given at construction
   */
  public List<TensorEntry> entries() {
    return entries;
  }

  /**
   * The entry with a name.
   *
   * @param name a name of {@link #entries()}
   * @return the entry
   * @throws TensorException if there is none; the message lists the nearest names
   */
  public TensorEntry entry(String name) {
    return entries.get(indexOf(name));
  }

  /**
   * Where the entry with a name stands.
   *
   * @param name a name of {@link #entries()}
   * @return an index of {@link #entries()}
   * @throws TensorException if there is none; the message lists the nearest names
   */
  public int indexOf(String name) {
    Integer index = indexes.get(name);
    if (index == null) {
      throw missing(name);
    }
    return index;
  }

  private TensorException missing(String name) {
    List<String> near = nearest(name, indexes.keySet());
    String hint =
        near.isEmpty()
            ? "the file is empty"
            : "the nearest names are " + String.join(", ", near);
    return new TensorException(
        ErrorCode.BAD_SHAPE, name, -1, path + " has no such tensor; " + hint, null);
  }

  /**
   * What somebody may have meant who gave a name that doesn't exist.
   *
   * @param name as given
   * @param known the names that exist
   * @return up to three of them, the nearest first
   */
  public static List<String> nearest(String name, Collection<String> known) {
    return known.stream()
        .sorted(
            Comparator.<String>comparingInt(candidate -> distance(name, candidate))
                .thenComparing(Comparator.naturalOrder()))
        .limit(SUGGESTIONS)
        .toList();
  }

  /** The number of characters that the common prefix and suffix leave over. */
  private static int distance(String a, String b) {
    int shorter = Math.min(a.length(), b.length());
    int prefix = 0;
    while (prefix < shorter && a.charAt(prefix) == b.charAt(prefix)) {
      prefix++;
    }
    int suffix = 0;
    while (suffix < shorter - prefix
        && a.charAt(a.length() - 1 - suffix) == b.charAt(b.length() - 1 - suffix)) {
      suffix++;
    }
    return a.length() + b.length() - 2 * (prefix + suffix);
  }
}
