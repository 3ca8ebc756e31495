package io.tensorbridge.cli;

/** What the process tells its caller. */
final class ExitCode {
  /** Done. */
  static final int DONE = 0;

  /** A failure in the work. */
  static final int FAILED = 1;

  /** Wrong usage. */
  static final int USAGE = 2;

  private ExitCode() {}
}
