package io.tensorbridge.cli;

import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.model.QualityGate;
import io.tensorbridge.quantize.model.QualityProfile;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The options that say how close a quantized model must stay: a profile, limits, a ladder. */
final class GateOptions {
  private static final String PROFILE = "--profile";
  private static final String SCHEME = "--scheme";
  private static final String MIN_COSINE = "--min-cosine";
  private static final String MIN_SQNR = "--min-sqnr";
  private static final String LADDER = "--ladder";
  private static final String FAIL_FAST = "--fail-fast";

  private final Arguments arguments;
  private final @Nullable QualityProfile profile;

  private GateOptions(Arguments arguments, @Nullable QualityProfile profile) {
    this.arguments = arguments;
    this.profile = profile;
  }

  static CommandSyntax addTo(CommandSyntax syntax) {
    return syntax
        .option(Option.value(PROFILE, "NAME", "edge, local or cloud: a scheme and a least cosine"
            + " as in the table below; other options override it."))
        .option(Option.value(MIN_COSINE, "X", "A tensor whose cosine to its original is less gets"
            + " more bits, rung by rung, and is reported."))
        .option(Option.value(MIN_SQNR, "DB", "The same for the ratio of signal to noise."))
        .option(Option.value(LADDER, "SCHEMES", "The rungs, separated by semicolons, or by commas"
            + " where no scheme has options; else each scheme has its own (uniform 2, 4, 8 bits;"
            + " q4_k, q5_k, q6_k, q8_0). At the end come f16 and f32."))
        .option(Option.flag(FAIL_FAST, "End with an error at the first tensor that misses a"
            + " limit."));
  }

  static GateOptions of(Arguments arguments) {
    return new GateOptions(
        arguments, arguments.value(PROFILE).map(QualityProfile::parse).orElse(null));
  }

  /** The scheme that is named, or the profile's. */
  QuantScheme scheme(String absent) {
    Optional<String> named = arguments.value(SCHEME);
    if (named.isEmpty() && profile != null) {
      return profile.scheme();
    }
    return QuantScheme.parse(named.orElse(absent));
  }

  /** The limits, if there are any. */
  Optional<QualityGate> gate() {
    Optional<Double> minCosine = arguments.decimal(MIN_COSINE);
    Optional<Double> minSqnr = arguments.decimal(MIN_SQNR);
    boolean climbs = arguments.value(LADDER).isPresent();
    boolean failFast = arguments.flag(FAIL_FAST);
    if (minCosine.isEmpty() && minSqnr.isEmpty() && profile == null) {
      if (climbs || failFast) {
        throw new UsageException(
            (climbs ? LADDER : FAIL_FAST) + " needs a limit: " + MIN_COSINE + ", " + MIN_SQNR
                + " or " + PROFILE);
      }
      return Optional.empty();
    }
    double profileCosine = profile == null ? -1 : profile.minCosine();
    return Optional.of(
        new QualityGate(
            minCosine.orElse(profileCosine),
            minSqnr.orElse(Double.NEGATIVE_INFINITY),
            ladder(),
            failFast));
  }

  private List<QuantScheme> ladder() {
    String text = arguments.value(LADDER).orElse("");
    List<QuantScheme> rungs = new ArrayList<>();
    for (String rung : text.isEmpty() ? new String[0] : separate(text)) {
      rungs.add(QuantScheme.parse(rung));
    }
    return rungs;
  }

  /** Schemes with options hold commas themselves. */
  private static String[] separate(String text) {
    return text.split(text.contains(";") || text.contains(":") ? ";" : ",", -1);
  }

  /** The profiles, for a help text. */
  static String profileTable() {
    TextTable table =
        new TextTable("  profile", ">bits", ">group", ">time groups", ">least cosine");
    for (QualityProfile profile : QualityProfile.values()) {
      table.add(
          "  " + profile,
          Integer.toString(profile.bits()),
          Integer.toString(profile.groupElements()),
          Integer.toString(profile.timeGroups()),
          String.format(Locale.ROOT, "%.2f", profile.minCosine()));
    }
    StringWriter text = new StringWriter();
    PrintWriter out = new PrintWriter(text);
    out.println();
    out.println("Profiles (scheme uniform):");
    table.print(out);
    out.flush();
    return text.toString();
  }
}
