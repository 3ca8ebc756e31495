package io.tensorbridge.op;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The options of an operation: text keys and values; immutable.
 *
 * <p>Written as lines of {@code key=value}, each ended by a line feed; a value may hold any
 * character but a line feed.
 */
public final class Options {
  /** No options. */
  public static final Options NONE = new Options(Map.of());

  private final Map<String, String> values;

  private Options(Map<String, String> values) {
    this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /**
   * Options from a map.
   *
   * @param values keys and values without line feeds
   * @return the options
   * @throws OptionException if a key or value can't be written
   */
  public static Options of(Map<String, String> values) {
    values.forEach(
        (key, value) -> {
          if (key.isEmpty() || key.indexOf('=') >= 0 || (key + value).indexOf('\n') >= 0) {
            throw new OptionException(
                ErrorCode.BAD_OPTION, key, "keys hold no '=' and nothing holds a line feed");
          }
        });
    return new Options(values);
  }

  /**
   * Options from their written form.
   *
   * @param text lines of {@code key=value}
   * @return the options
   * @throws OptionException if a line has no {@code =} or a key comes twice
   */
  public static Options parse(String text) {
    if (text.isEmpty()) {
      return NONE;
    }
    Map<String, String> values = new LinkedHashMap<>();
    for (String line : text.split("\n")) {
      int equals = line.indexOf('=');
      if (equals <= 0) {
        throw new OptionException(
            ErrorCode.BAD_OPTION, "\"" + line + "\" is not of the form key=value");
      }
      if (values.put(line.substring(0, equals), line.substring(equals + 1)) != null) {
        throw new OptionException(
            ErrorCode.BAD_OPTION, line.substring(0, equals), "is given twice");
      }
    }
    return new Options(values);
  }

  /**
   * These options with another one, which replaces one of the same key.
   *
   * @param key the option's name
   * @param value its value
   * @return new options
   */
  public Options with(String key, String value) {
    Map<String, String> copy = new LinkedHashMap<>(values);
    copy.put(key, value);
    return of(copy);
  }

  /**
   * The value of an option.
   *
   * @param key the option's name
   * @return null if it is not given
   */
  public @Nullable String get(String key) {
    return values.get(key);
  }

  /**
   * The value of an option, or what stands for it.
   *
   * @param key the option's name
   * @param absent the value if it is not given
   * @return the value
   */
  public String get(String key, String absent) {
    return values.getOrDefault(key, absent);
  }

  /**
   * All options.
   *
   * @return an unmodifiable map in the order given
   */
  public Map<String, String> asMap() {
    return values;
  }

  /**
   * Refuses options that an operation doesn't have.
   *
   * @param known the names that it has
   * @throws OptionException {@link ErrorCode#UNKNOWN_OPTION} with the known names
   */
  public void requireOnly(Set<String> known) {
    for (String key : values.keySet()) {
      if (!known.contains(key)) {
        throw new OptionException(
            ErrorCode.UNKNOWN_OPTION,
            key,
            known.isEmpty()
                ? "the operation takes no options"
                : "is unknown; known are " + String.join(", ", new TreeSet<>(known)));
      }
    }
  }

  /**
   * The written form.
   *
   * @return lines of {@code key=value}; {@link #parse(String)} reads it
   */
  public String toText() {
    StringBuilder text = new StringBuilder();
    values.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    return text.toString();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Options options && values.equals(options.values);
  }

  @Override
  public int hashCode() {
    return values.hashCode();
  }

  @Override
  public String toString() {
    return values.toString();
  }
}
