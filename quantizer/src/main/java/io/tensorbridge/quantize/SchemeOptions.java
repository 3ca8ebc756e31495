package io.tensorbridge.quantize;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The options behind the colon of a scheme's text: each is taken once, the rest is refused. */
final class SchemeOptions {
  private final String family;
  private final Map<String, String> given = new LinkedHashMap<>();
  private final List<String> known = new ArrayList<>();
  private final List<String> described = new ArrayList<>();

  /**
   * Reads {@code key=value,key=value}.
   *
   * @param text lower case
   */
  SchemeOptions(String family, String text) {
    this.family = family;
    for (String option : text.isEmpty() ? new String[0] : text.split(",", -1)) {
      int equals = option.indexOf('=');
      String key = equals < 0 ? option.strip() : option.substring(0, equals).strip();
      String value = equals < 0 ? "" : option.substring(equals + 1).strip();
      if (given.putIfAbsent(key, value) != null) {
        throw new OptionException(ErrorCode.BAD_OPTION, key, "is given twice");
      }
    }
  }

  /** The choice with a text; the first is taken if nothing is said. */
  <T> T choice(String key, List<T> choices) {
    return choice(key, choices, choices.getFirst());
  }

  /** The choice whose {@code toString} is the option's value. */
  <T> T choice(String key, List<T> choices, T fallback) {
    known.add(key);
    described.add(key + "=" + String.join("|", choices.stream().map(Object::toString).toList()));
    String value = given.remove(key);
    if (value == null) {
      return fallback;
    }
    List<String> texts = new ArrayList<>();
    for (T choice : choices) {
      if (choice.toString().equals(value)) {
        return choice;
      }
      texts.add(choice.toString());
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION,
        key,
        "\"" + value + "\" is not possible; take " + alternatives(texts));
  }

  boolean has(String key) {
    known.add(key);
    return given.containsKey(key);
  }

  /** A whole number that was given. */
  int number(String key, int least, int greatest) {
    String value = Objects.requireNonNull(given.remove(key));
    if (value.matches("[0-9]{1,9}")) {
      int number = Integer.parseInt(value);
      if (number >= least && number <= greatest) {
        return number;
      }
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION,
        key,
        "\"" + value + "\" is not possible; take a number from " + least + " to " + greatest);
  }

  /** Refuses options that can't stand beside another. */
  void requireAlone(String key, String... others) {
    for (String other : others) {
      if (given.containsKey(other)) {
        throw new OptionException(
            ErrorCode.BAD_OPTION, other, "can't stand beside " + key + "; take one of them");
      }
    }
  }

  boolean flag(String key, boolean fallback) {
    return choice(key, List.of(true, false), fallback);
  }

  /** The keys that were asked for while a scheme was made, with their choices: {@code bits=2|4|8}. */
  List<String> describedAfter(QuantScheme made) {
    return made.family().equals(family) ? List.copyOf(described) : List.of();
  }

  /** Refuses what nobody took. */
  void requireNoMore() {
    if (given.isEmpty()) {
      return;
    }
    String key = given.keySet().iterator().next();
    if (known.isEmpty()) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "scheme", family + " takes no options, but has " + key);
    }
    String takes = known.size() == 1
        ? known.getFirst()
        : String.join(", ", known.subList(0, known.size() - 1)) + " and " + known.getLast();
    throw new OptionException(
        ErrorCode.BAD_OPTION, key, "is unknown; " + family + " takes " + takes);
  }

  private static String alternatives(List<String> texts) {
    return texts.size() == 1
        ? texts.getFirst()
        : String.join(", ", texts.subList(0, texts.size() - 1)) + " or " + texts.getLast();
  }
}
