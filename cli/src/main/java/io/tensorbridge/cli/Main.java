package io.tensorbridge.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The {@code tensorbridge} command: reads the arguments and runs one subcommand.
 *
 * <p>Exit codes: 0 done, 1 a failure in the work, 2 wrong usage.
 */
@Command(name = "tensorbridge", mixinStandardHelpOptions = true, versionProvider = Version.class,
    description = "Tensors shared between Python and Java without copying them.")
public final class Main implements Runnable {

  @Spec
  private CommandSpec spec;

  private Main() {}

  /**
   * Runs the command and ends the JVM with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main());
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing subcommand.");
  }
}
