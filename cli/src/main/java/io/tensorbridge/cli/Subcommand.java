package io.tensorbridge.cli;

import org.jspecify.annotations.Nullable;

/** The subcommands, each created only when it is asked for. */
enum Subcommand {
  QUANTIZE("quantize"),
  DEQUANTIZE("dequantize"),
  INSPECT("inspect"),
  COMPARE("compare"),
  LORA("lora"),
  SERVE("serve"),
  TOP("top"),
  DEMO("demo"),
  DOCTOR("doctor"),
  BENCH("bench");

  private final String commandName;

  Subcommand(String commandName) {
    this.commandName = commandName;
  }

  Command create() {
    return switch (this) {
      case QUANTIZE -> new QuantizeCommand();
      case DEQUANTIZE -> new DequantizeCommand();
      case INSPECT -> new InspectCommand();
      case COMPARE -> new CompareCommand();
      case LORA -> new LoraCommand();
      case SERVE -> new ServeCommand();
      case TOP -> new TopCommand();
      case DEMO ->
          new PythonCommand("demo", "Run the main job end to end, on a real model file.");
      case DOCTOR -> new DoctorCommand();
      case BENCH -> new PythonCommand("bench", "Measure everything beside its peers.");
    };
  }

  static @Nullable Subcommand named(String name) {
    for (Subcommand subcommand : values()) {
      if (subcommand.commandName.equals(name)) {
        return subcommand;
      }
    }
    return null;
  }
}
