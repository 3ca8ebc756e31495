package io.tensorbridge.benches.text;

import io.tensorbridge.benches.UsageException;
import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;

/** Options that several stages have. */
final class TextOptions {
  private TextOptions() {}

  static OptionSpec<String> colour(OptionParser options) {
    return options.accepts("colour").withRequiredArg().defaultsTo("never");
  }

  static Colours colours(OptionSet given, OptionSpec<String> colour) {
    return switch (given.valueOf(colour)) {
      case "always" -> new Colours(true);
      case "never" -> new Colours(false);
      default ->
          throw new UsageException(
              "--colour is \"" + given.valueOf(colour) + "\"; it takes always or never");
    };
  }

  static <T> T required(OptionSet given, OptionSpec<T> option, String name) {
    if (!given.has(option)) {
      throw new UsageException(name + " is missing");
    }
    return given.valueOf(option);
  }

  static void refuseWords(OptionSet given) {
    if (!given.nonOptionArguments().isEmpty()) {
      throw new UsageException("unexpected \"" + given.nonOptionArguments().getFirst() + "\"");
    }
  }
}
