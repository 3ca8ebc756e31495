package io.tensorbridge.benches.text;

import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.Stage;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;
import joptsimple.util.PathConverter;

/** Writes all results of a store into one file, for the tables of documents. */
public final class ExportStage implements Stage {
  private final OptionParser options = new OptionParser(false);
  private final OptionSpec<Path> storeFolder =
      options.accepts("store").withRequiredArg().withValuesConvertedBy(new PathConverter());
  private final OptionSpec<Path> output =
      options.accepts("o").withRequiredArg().withValuesConvertedBy(new PathConverter());

  /** Declares the options. */
  public ExportStage() {}

  @Override
  public String description() {
    return "writes the estimates and ratios of all benchmarks into one file";
  }

  @Override
  public String usage() {
    return "--store DIR -o RESULTS.json";
  }

  @Override
  public OptionParser options() {
    return options;
  }

  @Override
  public int run(OptionSet given, PrintStream out) throws IOException {
    TextOptions.refuseWords(given);
    Path file = TextOptions.required(given, output, "-o");
    ResultStore store = new ResultStore(TextOptions.required(given, storeFolder, "--store"));
    Json.write(file, RunResults.of(SummaryStage.stored(store)));
    return 0;
  }
}
