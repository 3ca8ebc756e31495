package io.tensorbridge.cli;

import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.cli.CommandSyntax.Positional;
import java.util.List;

/** Help texts, made from the syntax of the commands. */
final class HelpText {
  private static final int WIDTH = 96;
  private static final int INDENT = 26;

  private HelpText() {}

  /** What the tool offers. */
  static String ofTool(List<CommandSyntax> commands) {
    StringBuilder text = new StringBuilder("Usage: tensorbridge COMMAND ...\n");
    text.append("Quantizes model files, and hands tensors between Python and Java without copying"
        + " them.\n\nCommands:\n");
    for (CommandSyntax command : commands) {
      appendEntry(text, "  " + command.name(), command.summary());
    }
    appendEntry(text, "  -V, --version", "Print the version and exit.");
    appendEntry(text, "  -h, --help", "Show this help and exit.");
    return text.append(
        """

            Begin with:
              tensorbridge demo                         the whole way, on a real model file
              tensorbridge quantize model.safetensors   beside it: model.q8_0.gguf
              tensorbridge COMMAND --help               options and examples of a command
            """).toString();
  }

  /** One line of what a command takes. */
  static String usage(CommandSyntax syntax) {
    StringBuilder text = new StringBuilder("Usage: tensorbridge ").append(syntax.name());
    for (Positional positional : syntax.positionals()) {
      String label = positional.label();
      text.append(' ').append(positional.required() ? label : "[" + label + "]");
    }
    return text.append(syntax.options().isEmpty() ? "" : " [OPTIONS]").toString();
  }

  /** All about a command. */
  static String of(CommandSyntax syntax) {
    StringBuilder text = new StringBuilder(usage(syntax)).append('\n');
    appendWrapped(text, syntax.description(), 0);
    text.append('\n');
    for (Positional positional : syntax.positionals()) {
      appendEntry(text, "  " + positional.label(), positional.help());
    }
    for (Option option : syntax.options()) {
      if (!option.help().isEmpty()) {
        String alias = option.alias().isEmpty() ? "" : option.alias() + ", ";
        appendEntry(text, "  " + alias + option.name() + " " + option.label(), option.help());
      }
    }
    appendEntry(text, "  -h, --help", "Show this help and exit.");
    if (!syntax.examples().isEmpty()) {
      text.append("\nExamples:\n");
      syntax.examples().forEach(line -> text.append("  ").append(line).append('\n'));
    }
    return text.append(syntax.appendix().get()).toString();
  }

  private static void appendEntry(StringBuilder text, String head, String help) {
    String start = head.stripTrailing();
    text.append(start);
    if (start.length() > INDENT - 2) {
      text.append('\n').append(" ".repeat(INDENT));
    } else {
      text.append(" ".repeat(INDENT - start.length()));
    }
    appendWrapped(text, help, INDENT);
  }

  private static void appendWrapped(StringBuilder text, String words, int indent) {
    int column = indent;
    for (String word : words.split(" ")) {
      if (column > indent && column + 1 + word.length() > WIDTH) {
        text.append('\n').append(" ".repeat(indent));
        column = indent;
      }
      if (column > indent) {
        text.append(' ');
        column++;
      }
      text.append(word);
      column += word.length();
    }
    text.append('\n');
  }
}
