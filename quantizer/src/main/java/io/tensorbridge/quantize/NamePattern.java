package io.tensorbridge.quantize;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;

/**
 * A regular expression for whole names of tensors or modules; immutable and thread-safe.
 *
 * <p>The syntax is RE2's, which is what C++ ({@code std::regex}, as llama.cpp uses for {@code
 * --tensor-type}), Python and Java have in common, but for look-around, back references and
 * possessive quantifiers: with these a match can take for ever, and here patterns may come from
 * strangers. A match takes at most the length of the name times {@value #MOST_STEPS} steps.
 */
public final class NamePattern {
  /** The steps that a pattern may have once its repetitions are written out. */
  static final int MOST_STEPS = 2000;

  private static final int MOST_CHARACTERS = 2000;
  private static final double MOST_WRITTEN_OUT = 200_000;
  private static final Pattern COUNT = Pattern.compile("\\{(\\d+),?(\\d*)\\}");

  private final String text;
  private final Pattern compiled;

  private NamePattern(String text, Pattern compiled) {
    this.text = text;
    this.compiled = compiled;
  }

  /**
   * Compiles a pattern.
   *
   * @param text a regular expression, at most 2000 characters
   * @return the pattern
   * @throws IllegalArgumentException if it is malformed or too large; the message says how, to
   *     stand behind the pattern
   */
  public static NamePattern of(String text) {
    if (text.length() > MOST_CHARACTERS) {
      throw new IllegalArgumentException(
          "has " + text.length() + " characters, and at most " + MOST_CHARACTERS
              + " are allowed; write several");
    }
    if (writtenOut(text) > MOST_WRITTEN_OUT) {
      throw new IllegalArgumentException(
          "repeats too much; repeat fewer times, or write * or +");
    }
    Pattern compiled;
    try {
      compiled = Pattern.compile(text);
    } catch (PatternSyntaxException malformed) {
      throw new IllegalArgumentException(
          "is no regular expression: " + malformed.getDescription() + reason(text), malformed);
    }
    if (compiled.programSize() > MOST_STEPS) {
      throw new IllegalArgumentException(
          "has " + compiled.programSize() + " steps with its repetitions written out, and at most "
              + MOST_STEPS + " are allowed; repeat fewer times, or write * or +");
    }
    return new NamePattern(text, compiled);
  }

  /**
   * A bound of the characters with all repetitions written out, as if each stood within the others:
   * the library writes them out before it can be asked how many there are.
   */
  private static double writtenOut(String text) {
    double length = text.length();
    Matcher counts = COUNT.matcher(text);
    while (counts.find()) {
      String most = counts.end(2) > counts.start(2) ? counts.group(2) : counts.group(1);
      length *= Math.max(1, Double.parseDouble(most));
    }
    return length;
  }

  private static String reason(String text) {
    return text.contains("(?=") || text.contains("(?!") || text.contains("(?<")
        ? "; there is no look-ahead or look-behind here: the first pattern that matches decides, so"
            + " put the exceptions first"
        : "";
  }

  /**
   * Whether the pattern matches all of a name.
   *
   * @param name a name of a tensor or module
   * @return true if it does
   */
  public boolean matches(String name) {
    return compiled.matches(name);
  }

  /**
   * The pattern as it was given.
   *
   * @return a regular expression
   */
  public String text() {
    return text;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof NamePattern pattern && text.equals(pattern.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
