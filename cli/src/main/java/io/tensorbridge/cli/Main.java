package io.tensorbridge.cli;

import io.tensorbridge.BridgeException;
import io.tensorbridge.OptionException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The {@code tensorbridge} command: reads the arguments and runs one subcommand.
 *
 * <p>Exit codes: 0 done, 1 a failure in the work, 2 wrong usage.
 */
public final class Main {
  private Main() {}

  /**
   * Runs the command and ends the JVM with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    System.exit(run(Arrays.asList(arguments), Console.ofProcess()));
  }

  static int run(List<String> words, Console console) {
    String first = words.isEmpty() ? "" : words.getFirst();
    try {
      return switch (first) {
        case "-h", "--help", "help" -> print(console, toolHelp());
        case "-V", "--version" -> print(console, Version.text());
        case "" -> {
          console.err().print("tensorbridge: a command is missing\n" + toolHelp());
          yield ExitCode.USAGE;
        }
        default -> runCommand(first, words.subList(1, words.size()), console);
      };
    } finally {
      console.out().flush();
      console.err().flush();
    }
  }

  private static int runCommand(String name, List<String> words, Console console) {
    Subcommand subcommand = Subcommand.named(name);
    if (subcommand == null) {
      console.err().print("tensorbridge: unknown command \"" + name + "\"\n" + toolHelp());
      return ExitCode.USAGE;
    }
    Command command = subcommand.create();
    if (words.contains("-h") || words.contains("--help")) {
      return print(console, HelpText.of(command.syntax()));
    }
    boolean json = FailureDocument.isWanted(command.syntax(), words);
    try {
      return command.run(Arguments.parse(command.syntax(), words), console);
    } catch (UsageException wrong) {
      if (json) {
        FailureDocument.print(console, wrong);
      }
      console.err().println("tensorbridge " + name + ": " + wrong.getMessage());
      console.err().println(HelpText.usage(command.syntax()));
      console.err().println("All about it: tensorbridge " + name + " --help");
      return ExitCode.USAGE;
    } catch (BridgeException failure) {
      if (json) {
        FailureDocument.print(console, failure);
      }
      console.err().println("tensorbridge " + name + ": " + failure.getMessage());
      return failure instanceof OptionException ? ExitCode.USAGE : ExitCode.FAILED;
    }
  }

  private static String toolHelp() {
    List<CommandSyntax> syntaxes = new ArrayList<>();
    for (Subcommand subcommand : Subcommand.values()) {
      syntaxes.add(subcommand.create().syntax());
    }
    return HelpText.ofTool(syntaxes);
  }

  private static int print(Console console, String text) {
    console.out().print(text);
    return ExitCode.DONE;
  }
}
