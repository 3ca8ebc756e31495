package io.tensorbridge.cli;

/** The command line is not acceptable; exit code 2. */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** A refusal that names the argument and what is accepted. */
  UsageException(String message) {
    super(message);
  }
}
