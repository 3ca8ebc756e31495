package io.tensorbridge;

/** A batch or an item was cancelled, or skipped because another item failed. */
public final class CancelledException extends BridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its facts.
   *
   * @param code the cause
   * @param message what is wrong, where, and the remedy
   */
  public CancelledException(ErrorCode code, String message) {
    super(code, message, null);
  }
}
