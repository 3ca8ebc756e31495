package io.tensorbridge.benches.report;

import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.Stage;
import io.tensorbridge.benches.UsageException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;

/** {@code report --store DIR [-o FILE]}: the page that shows all results. */
public final class ReportStage implements Stage {
  private final OptionParser options = new OptionParser();
  private final OptionSpec<String> store = options.accepts("store").withRequiredArg();
  private final OptionSpec<String> output = options.accepts("o").withRequiredArg();

  /** Nothing is read before {@link #run}. */
  public ReportStage() {}

  @Override
  public String description() {
    return "Writes one self-contained HTML page of all results, by default to report/index.html in the store.";
  }

  @Override
  public String usage() {
    return "--store DIR [-o FILE]";
  }

  @Override
  public OptionParser options() {
    return options;
  }

  @Override
  public int run(OptionSet given, PrintStream out) throws IOException {
    if (!given.has(store)) {
      throw new UsageException("--store is missing: name the folder of the results");
    }
    Path root = Path.of(given.valueOf(store));
    if (!Files.isDirectory(root)) {
      throw new UsageException("--store " + root + " is no folder: run benchmarks first");
    }
    ResultStore results = new ResultStore(root);
    Path file = given.has(output) ? Path.of(given.valueOf(output)) : results.report();
    Report.write(results, file);
    out.println("report: " + file);
    return 0;
  }
}
