package io.tensorbridge.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a command takes.
 *
 * <p>A parser of our own, because reading the command line must not take longer than the work: the
 * usual libraries find their options by reflection, which costs a cold JVM 0.2 s.
 *
 * @param name of the command
 * @param summary one line for the list of commands
 * @param description the beginning of the help text
 * @param positionals the arguments without a name; those that may be absent are the last
 * @param options the arguments with a name
 * @param examples command lines
 * @param appendix the end of the help text, made when it is asked for
 */
record CommandSyntax(
    String name,
    String summary,
    String description,
    List<Positional> positionals,
    List<Option> options,
    List<String> examples,
    Supplier<String> appendix) {
  /**
   * An argument without a name.
   *
   * @param label for example {@code IN}
   * @param help what it is
   * @param required whether it must be there
   */
  record Positional(String label, String help, boolean required) {}

  /**
   * An argument with a name.
   *
   * @param name with its dashes, for example {@code --threads}
   * @param alias another name, or empty
   * @param label of its value, or empty for a flag
   * @param help what it is; empty for one that is not for people
   */
  record Option(String name, String alias, String label, String help) {
    static Option flag(String name, String help) {
      return new Option(name, "", "", help);
    }

    static Option value(String name, String label, String help) {
      return new Option(name, "", label, help);
    }

    boolean isFlag() {
      return label.isEmpty();
    }

    boolean answersTo(String given) {
      return given.equals(name) || (!alias.isEmpty() && given.equals(alias));
    }
  }

  static CommandSyntax of(String name, String summary, String description) {
    return new CommandSyntax(
        name, summary, description, List.of(), List.of(), List.of(), () -> "");
  }

  CommandSyntax positional(String label, String help) {
    return positional(new Positional(label, help, true));
  }

  CommandSyntax optionalPositional(String label, String help) {
    return positional(new Positional(label, help, false));
  }

  private CommandSyntax positional(Positional added) {
    return new CommandSyntax(
        name, summary, description, plus(positionals, added), options, examples, appendix);
  }

  CommandSyntax option(Option option) {
    return new CommandSyntax(
        name, summary, description, positionals, plus(options, option), examples, appendix);
  }

  CommandSyntax example(String line) {
    return new CommandSyntax(
        name, summary, description, positionals, options, plus(examples, line), appendix);
  }

  CommandSyntax appendix(Supplier<String> text) {
    return new CommandSyntax(
        name, summary, description, positionals, options, examples, text);
  }

  private static <T> List<T> plus(List<T> list, T element) {
    List<T> longer = new ArrayList<>(list);
    longer.add(element);
    return List.copyOf(longer);
  }

  /** The option that a word names, or null. */
  @Nullable
  Option find(String given) {
    for (Option option : options) {
      if (option.answersTo(given)) {
        return option;
      }
    }
    return null;
  }
}
