package io.tensorbridge.cli;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The {@code tensorbridge} command: reads the arguments and runs one subcommand.
 *
 * <p>Exit codes: 0 done, 1 a failure in the work, 2 wrong usage.
 */
@Command(name = "tensorbridge", mixinStandardHelpOptions = true, versionProvider = Version.class,
    description = "Quantizes model files, and hands tensors between Python and Java without "
        + "copying them.",
    synopsisSubcommandLabel = "COMMAND", commandListHeading = "%nCommands:%n",
    footer = {"", "Begin with", "  tensorbridge demo                      the whole way, on a real model file",
        "  tensorbridge quantize model.safetensors   beside it: model.q8_0.gguf",
        "  tensorbridge COMMAND --help            options and examples of a command"})
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
    System.exit(commandLine(arguments).execute(arguments));
  }

  /**
   * The command with the subcommands that the arguments may need: looking at the annotations of all
   * would cost each start some tens of milliseconds.
   */
  static CommandLine commandLine(String... arguments) {
    CommandLine commandLine = new CommandLine(new Main());
    List<Subcommand> wanted = Subcommand.named(arguments.length == 0 ? "" : arguments[0]);
    for (Subcommand subcommand : wanted) {
      CommandLine added = new CommandLine(subcommand.create());
      added.getCommandSpec().addOption(helpOption());
      commandLine.addSubcommand(subcommand.commandName(), added);
    }
    CommandLine quantize = commandLine.getSubcommands().get(Subcommand.QUANTIZE.commandName());
    if (quantize != null) {
      QuantizeCommand.completeHelp(quantize);
    }
    commandLine.setExecutionExceptionHandler(new FailureReport());
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    return commandLine;
  }

  private static OptionSpec helpOption() {
    return OptionSpec.builder("-h", "--help")
        .usageHelp(true)
        .description("Show this help and exit.")
        .build();
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Missing subcommand.");
  }
}
