package io.tensorbridge.cli;

import java.util.Locale;

/**
 * One finding about the machine.
 *
 * @param subject what was looked at
 * @param verdict whether it will do
 * @param found what was found
 * @param remedy what to do about it, or empty
 */
record Check(String subject, Verdict verdict, String found, String remedy) {
  /** Whether what was found will do. */
  enum Verdict {
    /** As it should be. */
    OK,
    /** Works, but not as well as it could. */
    WARN,
    /** Something that is needed is missing. */
    FAIL;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  static Check ok(String subject, String found) {
    return new Check(subject, Verdict.OK, found, "");
  }

  static Check warn(String subject, String found, String remedy) {
    return new Check(subject, Verdict.WARN, found, remedy);
  }

  static Check fail(String subject, String found, String remedy) {
    return new Check(subject, Verdict.FAIL, found, remedy);
  }
}
