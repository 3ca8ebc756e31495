package io.tensorbridge;

/** The bridge, client, region or file was closed before the call. */
public final class BridgeClosedException extends BridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its facts.
   *
   * @param message what happened and the remedy
   */
  public BridgeClosedException(String message) {
    super(ErrorCode.CLOSED, message, null);
  }
}
