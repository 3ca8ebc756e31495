package io.tensorbridge;

/** A limit that the server sets for its clients is reached. */
public final class QuotaException extends BridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its facts.
   *
   * @param code the cause
   * @param message what is wrong, where, and the remedy
   */
  public QuotaException(ErrorCode code, String message) {
    super(code, message, null);
  }
}
