package io.tensorbridge.benches.compare;

import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.Stage;
import io.tensorbridge.benches.UsageException;
import io.tensorbridge.benches.sample.Samples;
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

/** The command line of the third stage. */
public final class CompareStage implements Stage {
  private final OptionParser options = new OptionParser(false);
  private final OptionSpec<Path> output =
      options.accepts("o").withRequiredArg().withValuesConvertedBy(new PathConverter());
  private final OptionSpec<String> baseline =
      options.accepts("baseline").withRequiredArg().defaultsTo("base");
  private final OptionSpec<Double> noiseThreshold = noiseThreshold(options);
  private final NonOptionArgumentSpec<Path> files =
      options.nonOptions().withValuesConvertedBy(new PathConverter());

  /** Declares the options. */
  public CompareStage() {}

  /**
   * Declares {@code --noise-threshold}.
   *
   * @param options of a stage that compares
   * @return the option
   */
  public static OptionSpec<Double> noiseThreshold(OptionParser options) {
    return options
        .accepts("noise-threshold")
        .withRequiredArg()
        .ofType(Double.class)
        .defaultsTo(Comparer.NOISE_THRESHOLD);
  }

  /**
   * A comparer as the command line wants it.
   *
   * @param threshold as given
   * @return the comparer
   * @throws UsageException if the threshold is no share
   */
  public static Comparer comparer(double threshold) {
    if (!(threshold >= 0 && threshold < 1)) {
      throw new UsageException(
          "--noise-threshold is " + threshold + "; it takes a share from 0 to 1, 0.05 is 5%");
    }
    return new Comparer(threshold);
  }

  @Override
  public String description() {
    return "compares samples of two runs of one benchmark";
  }

  @Override
  public String usage() {
    return "BEFORE.json AFTER.json -o COMPARISON.json [--baseline NAME] [--noise-threshold 0.05]";
  }

  @Override
  public OptionParser options() {
    return options;
  }

  @Override
  public int run(OptionSet given, PrintStream out) throws IOException {
    List<Path> two = given.valuesOf(files);
    if (two.size() != 2 || !given.has(output)) {
      throw new UsageException("two files of samples and -o are needed");
    }
    Comparer comparer = comparer(given.valueOf(noiseThreshold));
    Samples before = SamplesFile.read(two.get(0));
    Samples after = SamplesFile.read(two.get(1));
    if (!before.id().equals(after.id())) {
      throw new UsageException(
          two.get(0) + " has samples of " + before.id() + ", " + two.get(1) + " of " + after.id());
    }
    Json.write(
        given.valueOf(output), comparer.compare(given.valueOf(baseline), before, after));
    return 0;
  }
}
