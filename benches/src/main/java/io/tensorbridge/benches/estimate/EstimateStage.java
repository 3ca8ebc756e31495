package io.tensorbridge.benches.estimate;

import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.Stage;
import io.tensorbridge.benches.UsageException;
import io.tensorbridge.benches.sample.SamplesFile;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import joptsimple.NonOptionArgumentSpec;
import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;
import joptsimple.util.PathConverter;

/** The command line of the second stage. */
public final class EstimateStage implements Stage {
  private final OptionParser options = new OptionParser(false);
  private final OptionSpec<Path> output =
      options.accepts("o").withRequiredArg().withValuesConvertedBy(new PathConverter());
  private final NonOptionArgumentSpec<Path> files =
      options.nonOptions().withValuesConvertedBy(new PathConverter());

  /** Declares the options. */
  public EstimateStage() {}

  @Override
  public String description() {
    return "makes estimates from samples";
  }

  @Override
  public String usage() {
    return "SAMPLES.json -o ESTIMATES.json";
  }

  @Override
  public OptionParser options() {
    return options;
  }

  @Override
  public int run(OptionSet given, PrintStream out) throws IOException {
    List<Path> samples = given.valuesOf(files);
    if (samples.size() != 1 || !given.has(output)) {
      throw new UsageException("one file of samples and -o are needed");
    }
    Json.write(
        given.valueOf(output), Estimator.estimate(SamplesFile.read(samples.getFirst())));
    return 0;
  }
}
