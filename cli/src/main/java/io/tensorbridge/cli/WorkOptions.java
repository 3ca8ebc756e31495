package io.tensorbridge.cli;

import io.tensorbridge.quantize.model.ModelConversion;
import java.io.PrintWriter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options of every command that works on whole models. */
final class WorkOptions {
  private static final String DEFAULT_MEMORY = "512MiB";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that work; by default the processors that this process may use.")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--memory-limit",
      paramLabel = "SIZE",
      defaultValue = DEFAULT_MEMORY,
      converter = ByteSize.class,
      description = "Memory to stay within, mapped files not counted; default ${DEFAULT-VALUE}.")
  private long memoryLimit;

  @Option(names = "--json", description = "Print one JSON document on standard output.")
  private boolean json;

  @Option(names = "--quiet", description = "Print nothing but failures; no progress bar.")
  private boolean quiet;

  /** The threads that the memory limit allows. */
  int threads() {
    if (threads < 1) {
      throw new ParameterException(spec.commandLine(), "--threads must be at least 1");
    }
    return ModelConversion.threadsWithin(memoryLimit, threads);
  }

  boolean json() {
    return json;
  }

  /** Whether people shall read the result. */
  boolean prints() {
    return !json && !quiet;
  }

  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  ProgressBar progressBar(String what) {
    return new ProgressBar(spec.commandLine().getErr(), what, quiet);
  }
}
