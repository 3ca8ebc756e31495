package io.tensorbridge.benches;

import io.tensorbridge.benches.compare.CompareStage;
import io.tensorbridge.benches.estimate.EstimateStage;
import io.tensorbridge.benches.kernel.KernelStage;
import io.tensorbridge.benches.report.ReportStage;
import io.tensorbridge.benches.text.AnalyzeStage;
import io.tensorbridge.benches.text.DocumentStage;
import io.tensorbridge.benches.text.ExportStage;
import io.tensorbridge.benches.text.SummaryStage;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import joptsimple.OptionException;
import joptsimple.OptionSet;

/**
 * Starts one stage: {@code java -cp 'benches/target/lib/*' io.tensorbridge.benches.Main STAGE ...}.
 *
 * <p>Exit codes: 0 done, 1 a failure in the work, 2 wrong usage.
 */
public final class Main {
  private static final Map<String, Supplier<Stage>> STAGES = stages();

  private Main() {}

  /** Every stage by its name, in the order of the pipeline. */
  private static Map<String, Supplier<Stage>> stages() {
    Map<String, Supplier<Stage>> stages = new LinkedHashMap<>();
    stages.put("kernels", KernelStage::new);
    stages.put("estimate", EstimateStage::new);
    stages.put("compare", CompareStage::new);
    stages.put("analyze", AnalyzeStage::new);
    stages.put("report", ReportStage::new);
    stages.put("summary", SummaryStage::new);
    stages.put("export", ExportStage::new);
    stages.put("document", DocumentStage::new);
    return stages;
  }

  /**
   * Runs a stage and ends the JVM with its exit code.
   *
   * @param arguments the stage and what it takes
   */
  public static void main(String[] arguments) {
    // The units of times aren't ASCII, and the locale of a build often is.
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    PrintStream err = new PrintStream(System.err, true, StandardCharsets.UTF_8);
    int code = run(Arrays.asList(arguments), out, err);
    out.flush();
    System.exit(code);
  }

  /**
   * Runs a stage.
   *
   * @param arguments the stage and what it takes
   * @param out where results for people go
   * @param err where refusals and failures go, one line each
   * @return the exit code
   */
  public static int run(List<String> arguments, PrintStream out, PrintStream err) {
    String name = arguments.isEmpty() ? "" : arguments.getFirst();
    if (name.equals("--help") || name.equals("-h")) {
      STAGES.forEach((each, create) -> out.println(line(each, create.get())));
      return 0;
    }
    Supplier<Stage> create = STAGES.get(name);
    if (create == null) {
      err.println(
          (name.isEmpty() ? "a stage is missing" : "unknown stage \"" + name + "\"")
              + "; there are " + String.join(", ", STAGES.keySet()));
      return 2;
    }
    return run(name, create.get(), arguments.subList(1, arguments.size()), out, err);
  }

  private static int run(
      String name, Stage stage, List<String> words, PrintStream out, PrintStream err) {
    if (words.contains("--help") || words.contains("-h")) {
      out.println(line(name, stage));
      return 0;
    }
    try {
      OptionSet given = stage.options().parse(words.toArray(String[]::new));
      return stage.run(given, out);
    } catch (UsageException | OptionException wrong) {
      err.println(name + ": " + wrong.getMessage() + "; usage: " + name + " " + stage.usage());
      return 2;
    } catch (IOException failure) {
      err.println(name + ": " + failure.getMessage());
      return 1;
    }
  }

  private static String line(String name, Stage stage) {
    return name + " " + stage.usage() + "\n    " + stage.description();
  }
}
