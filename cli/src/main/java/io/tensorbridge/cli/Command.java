package io.tensorbridge.cli;

/** A subcommand: what it takes, and what it does. */
interface Command {
  /** What the command takes, and how its help text explains it. */
  CommandSyntax syntax();

  /**
   * Does the work.
   *
   * @param arguments as the syntax describes them
   * @param console where results and messages go
   * @return the exit code
   * @throws UsageException if an argument is not acceptable
   * @throws io.tensorbridge.BridgeException if the work fails
   */
  int run(Arguments arguments, Console console);
}
