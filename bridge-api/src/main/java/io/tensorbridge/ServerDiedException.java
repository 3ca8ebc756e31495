package io.tensorbridge;

/** The server's process ended; the client's data are intact and the work can be resubmitted. */
public final class ServerDiedException extends BridgeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its facts.
   *
   * @param message what happened and the remedy
   */
  public ServerDiedException(String message) {
    super(ErrorCode.SERVER_DIED, message, null);
  }
}
