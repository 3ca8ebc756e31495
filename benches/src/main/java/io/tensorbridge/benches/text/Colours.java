package io.tensorbridge.benches.text;

import io.tensorbridge.benches.compare.Comparison.Verdict;

/**
 * Marks words for the terminal.
 *
 * @param shown false where nobody looks, or the user wants none
 */
record Colours(boolean shown) {
  private static final String RESET = "\u001b[0m";

  String bold(String words) {
    return shown ? "\u001b[1m" + words + RESET : words;
  }

  /** Green for better, yellow for no change, red for worse. */
  String verdict(Verdict verdict, String words) {
    String colour =
        switch (verdict) {
          case IMPROVED -> "\u001b[32m";
          case NO_CHANGE -> "\u001b[33m";
          case REGRESSED -> "\u001b[31m";
        };
    return shown ? colour + words + RESET : words;
  }
}
