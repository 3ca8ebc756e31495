package io.tensorbridge.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/** Commands that the launcher runs in Python; here they are only listed. */
abstract sealed class LauncherCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Unmatched private String[] arguments = {};

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(),
        "\"" + spec.name() + "\" runs in Python; start it with the ./tensorbridge script, with "
            + arguments.length + " arguments as given");
  }

  /** The main job from end to end. */
  @Command(
      name = "demo",
      description = "Runs the main job end to end, from Python through shared memory.")
  static final class Demo extends LauncherCommand {}

  /** All measurements. */
  @Command(name = "bench", description = "Measures everything beside its peers.")
  static final class Bench extends LauncherCommand {}
}
