package io.tensorbridge.cli;

import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/** The subcommands, each created only when it is asked for. */
enum Subcommand {
  QUANTIZE(QuantizeCommand::new),
  DEQUANTIZE(DequantizeCommand::new),
  INSPECT(InspectCommand::new),
  COMPARE(CompareCommand::new),

  DEMO(LauncherCommand.Demo::new),
  BENCH(LauncherCommand.Bench::new),
  DOCTOR(DoctorCommand::new);

  private final Supplier<Object> constructor;

  Subcommand(Supplier<Object> constructor) {
    this.constructor = constructor;
  }

  String commandName() {
    return name().toLowerCase(Locale.ROOT);
  }

  Object create() {
    return constructor.get();
  }

  /** The subcommand of that name alone, or all if there is none: for help and error messages. */
  static List<Subcommand> named(String name) {
    for (Subcommand subcommand : values()) {
      if (subcommand.commandName().equals(name)) {
        return List.of(subcommand);
      }
    }
    return name.equals("--version") || name.equals("-V") ? List.of() : List.of(values());
  }
}
