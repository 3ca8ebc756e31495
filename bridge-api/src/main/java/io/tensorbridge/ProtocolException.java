package io.tensorbridge;

/** A peer, or a value taken from one, breaks the wire format. */
public final class ProtocolException extends BridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its facts.
   *
   * @param code the cause
   * @param message what is wrong, where, and the remedy
   */
  public ProtocolException(ErrorCode code, String message) {
    super(code, message, null);
  }
}
