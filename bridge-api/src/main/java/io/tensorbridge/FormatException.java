package io.tensorbridge;

import org.jspecify.annotations.Nullable;

/** A file breaks a rule of its format, or could not be read or written. */
public final class FormatException extends BridgeException {
  private static final long serialVersionUID = 1L;

  private final long byteOffset;
  private final String rule;

  /**
   * A failure that concerns no single byte.
   *
   * @param message the file, the rule that is broken, and the remedy
   */
  public FormatException(String message) {
    this(ErrorCode.BAD_FORMAT, message, -1, "", null);
  }

  /**
   * A broken rule at a byte of a file.
   *
   * @param message the file, what was found there, and what the rule expects
   * @param byteOffset where in the file, or -1
   * @param rule the broken rule in a few words, for example {@code "no overlaps"}
   */
  public FormatException(String message, long byteOffset, String rule) {
    this(ErrorCode.BAD_FORMAT, message, byteOffset, rule, null);
  }

  /**
   * A failure with all its facts.
   *
   * @param code {@link ErrorCode#BAD_FORMAT} or {@link ErrorCode#FILE_IO}
   * @param message the file, what was found, and the remedy
   * @param byteOffset where in the file, or -1
   * @param rule the broken rule in a few words, or empty
   * @param cause the original failure, or null
   */
  public FormatException(
      ErrorCode code, String message, long byteOffset, String rule, @Nullable Throwable cause) {
    super(code, message, cause);
    this.byteOffset = byteOffset;
    this.rule = rule;
  }

  /**
   * Where in the file the rule is broken.
   *
   * @return a byte offset, or -1
   */
  public long byteOffset() {
    return byteOffset;
  }

  /**
   * The broken rule.
   *
   * @return a few words, or empty
   */
  public String rule() {
    return rule;
  }
}
