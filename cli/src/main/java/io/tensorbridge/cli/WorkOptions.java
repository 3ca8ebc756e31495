package io.tensorbridge.cli;

import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.quantize.model.ModelConversion;

/**
 * Options of every command that works on whole models.
 *
 * @param threads that the memory limit allows
 * @param json whether to print one JSON document
 * @param quiet whether to print failures only
 * @param progress how progress is told
 * @param endsWithParent whether the end of standard input cancels the work
 */
record WorkOptions(
    int threads,
    boolean json,
    boolean quiet,
    ProgressBar.Style progress,
    boolean endsWithParent) {
  private static final String THREADS = "--threads";
  private static final String MEMORY_LIMIT = "--memory-limit";
  private static final String DEFAULT_MEMORY = "512MiB";
  private static final String JSON = "--json";
  private static final String QUIET = "--quiet";
  private static final String PROGRESS = "--progress";
  private static final String END_WITH_PARENT = "--end-with-parent";

  static CommandSyntax addTo(CommandSyntax syntax) {
    return syntax
        .option(
            Option.value(
                THREADS, "N", "Threads that work; by default the processors of this process."))
        .option(
            Option.value(
                MEMORY_LIMIT,
                "SIZE",
                "Memory to stay within, mapped files not counted; default " + DEFAULT_MEMORY
                    + "."))
        .option(Option.flag(JSON,
            "Print one JSON document on standard output, nothing else; that of a"
                + " failed run has an \"error\"."))
        .option(
            Option.value(
                PROGRESS,
                "bar|json|none",
                "How progress is told on standard error: a bar with rate and time left, on a"
                    + " terminal only (the default), or lines of JSON for programs."))
        .option(Option.flag(QUIET, "Print failures only, and no progress bar."))
        .option(Option.flag(END_WITH_PARENT, ""));
  }

  static WorkOptions of(Arguments arguments) {
    int wanted = arguments.number(THREADS, 1, Runtime.getRuntime().availableProcessors());
    long memoryLimit = arguments.byteSize(MEMORY_LIMIT, DEFAULT_MEMORY);
    return new WorkOptions(
        ModelConversion.threadsWithin(memoryLimit, wanted),
        arguments.flag(JSON),
        arguments.flag(QUIET),
        style(arguments),
        arguments.flag(END_WITH_PARENT));
  }

  private static ProgressBar.Style style(Arguments arguments) {
    String text = arguments.value(PROGRESS).orElse(arguments.flag(QUIET) ? "none" : "bar");
    return switch (text) {
      case "bar" -> ProgressBar.Style.BAR;
      case "json" -> ProgressBar.Style.JSON;
      case "none" -> ProgressBar.Style.NONE;
      default ->
          throw new UsageException(PROGRESS + " is \"" + text + "\"; take bar, json or none");
    };
  }

  /** Whether people shall read the result. */
  boolean prints() {
    return !json && !quiet;
  }

  ProgressBar progressBar(Console console, String what) {
    return new ProgressBar(console.err(), what, progress);
  }
}
