package io.tensorbridge;

/** A batch or a wait took longer than allowed; the batch is being cancelled. */
public final class BridgeTimeoutException extends BridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its facts.
   *
   * @param message what happened and the remedy
   */
  public BridgeTimeoutException(String message) {
    super(ErrorCode.TIMEOUT, message, null);
  }
}
