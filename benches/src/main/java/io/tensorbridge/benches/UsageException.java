package io.tensorbridge.benches;

/** The command line is not acceptable; exit code 2. */
public final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * A refusal.
   *
   * @param message names the argument and what is accepted
   */
  public UsageException(String message) {
    super(message);
  }
}
