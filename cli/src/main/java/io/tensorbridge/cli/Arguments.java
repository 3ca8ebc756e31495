package io.tensorbridge.cli;

import io.tensorbridge.cli.CommandSyntax.Option;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The arguments of a command, checked against its syntax. */
final class Arguments {
  /** An option as given; a flag's value is empty. */
  private record Given(String name, String value) {}

  private final List<String> positionals = new ArrayList<>();
  private final List<Given> options = new ArrayList<>();

  private Arguments() {}

  /**
   * Reads {@code --name value}, {@code --name=value}, {@code -n value}; behind {@code --} nothing
   * is an option.
   *
   * @throws UsageException if an argument is unknown, missing or comes twice
   */
  static Arguments parse(CommandSyntax syntax, List<String> words) {
    Arguments arguments = new Arguments();
    boolean optionsEnded = false;
    for (int i = 0; i < words.size(); i++) {
      String word = words.get(i);
      if (optionsEnded || !word.startsWith("-") || word.equals("-")) {
        arguments.positionals.add(word);
      } else if (word.equals("--")) {
        optionsEnded = true;
      } else {
        i += arguments.takeOption(syntax, words, i);
      }
    }
    arguments.requirePositionals(syntax);
    return arguments;
  }

  /** Returns how many words beyond this one the option took. */
  private int takeOption(CommandSyntax syntax, List<String> words, int index) {
    String word = words.get(index);
    int equals = word.startsWith("--") ? word.indexOf('=') : -1;
    String name = equals < 0 ? word : word.substring(0, equals);
    Option option = syntax.find(name);
    if (option == null) {
      throw new UsageException("unknown option " + name);
    }
    if (option.isFlag()) {
      if (equals >= 0) {
        throw new UsageException(name + " takes no value");
      }
      options.add(new Given(option.name(), ""));
      return 0;
    }
    if (equals >= 0) {
      options.add(new Given(option.name(), word.substring(equals + 1)));
      return 0;
    }
    if (index + 1 == words.size()) {
      throw new UsageException(name + " needs a value: " + name + " " + option.label());
    }
    options.add(new Given(option.name(), words.get(index + 1)));
    return 1;
  }

  private void requirePositionals(CommandSyntax syntax) {
    int wanted = syntax.positionals().size();
    if (positionals.size() < wanted && syntax.positionals().get(positionals.size()).required()) {
      throw new UsageException("missing " + syntax.positionals().get(positionals.size()).label());
    }
    if (positionals.size() > wanted) {
      throw new UsageException("unexpected \"" + positionals.get(wanted) + "\"");
    }
  }

  String text(int positional) {
    return positionals.get(positional);
  }

  Path path(int positional) {
    return toPath(positionals.get(positional));
  }

  /** Whether a positional that may be absent is there. */
  boolean has(int positional) {
    return positional < positionals.size();
  }

  boolean flag(String name) {
    return !values(name).isEmpty();
  }

  /** All values of an option, in the order given. */
  List<String> values(String name) {
    List<String> values = new ArrayList<>();
    for (Given given : options) {
      if (given.name.equals(name)) {
        values.add(given.value);
      }
    }
    return values;
  }

  /** The value of an option that makes sense once. */
  Optional<String> value(String name) {
    List<String> values = values(name);
    if (values.size() > 1) {
      throw new UsageException(name + " is given twice");
    }
    return values.isEmpty() ? Optional.empty() : Optional.of(values.getFirst());
  }

  Optional<Path> pathValue(String name) {
    return value(name).map(Arguments::toPath);
  }

  /** A whole number of at least {@code least}. */
  int number(String name, int least, int absent) {
    Optional<String> text = value(name);
    if (text.isEmpty()) {
      return absent;
    }
    try {
      int number = Integer.parseInt(text.get());
      if (number >= least) {
        return number;
      }
    } catch (NumberFormatException malformed) {
      // the refusal below tells the text
    }
    throw new UsageException(
        name + " is \"" + text.get() + "\"; it takes a number of at least " + least);
  }

  /** A decimal number, if it is given. */
  Optional<Double> decimal(String name) {
    Optional<String> text = value(name);
    try {
      return text.map(Double::valueOf);
    } catch (NumberFormatException malformed) {
      throw new UsageException(name + " is \"" + text.orElse("") + "\"; it takes a number");
    }
  }

  /** A size in bytes, for example {@code 512MiB}. */
  long byteSize(String name, String absent) {
    return ByteSize.parse(name, value(name).orElse(absent));
  }

  private static Path toPath(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException malformed) {
      throw new UsageException("\"" + text + "\" is no file name");
    }
  }
}
