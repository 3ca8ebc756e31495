package io.tensorbridge;

/** An operation, option, option value or scheme is unknown or not acceptable. */
public final class OptionException extends BridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its facts.
   *
   * @param code the cause
   * @param message what is not acceptable, and what is
   */
  public OptionException(ErrorCode code, String message) {
    super(code, message, null);
  }

  /**
   * A failure of one option.
   *
   * @param code the cause
   * @param option the option's name
   * @param reason what is not acceptable, and what is
   */
  public OptionException(ErrorCode code, String option, String reason) {
    super(code, "option \"" + option + "\": " + reason, null);
  }
}
