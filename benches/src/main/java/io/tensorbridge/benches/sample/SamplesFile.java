package io.tensorbridge.benches.sample;

import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.sample.Samples.Figure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads {@code samples.json} files and refuses what no statistic can be made of. */
public final class SamplesFile {
  /** Names become folders, so they hold neither separators nor a leading dot. */
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*");

  private SamplesFile() {}

  /**
   * Reads a file.
   *
   * @param file where it lies
   * @return samples, at least one, each finite and not negative
   * @throws IOException if the file can't be read or its content makes no sense; the message names
   *     the file and the place in it
   */
  public static Samples read(Path file) throws IOException {
    Samples samples = Json.read(file, Samples.class);
    String fault = fault(samples);
    if (!fault.isEmpty()) {
      throw new IOException(file + ": " + fault);
    }
    return samples;
  }

  private static String fault(Samples samples) {
    if (samples.format() != Samples.FORMAT) {
      return "format is " + samples.format() + ", only " + Samples.FORMAT
          + " is understood; measure again with this version";
    }
    String absent = absent(samples);
    if (!absent.isEmpty()) {
      return absent + " is null";
    }
    for (String name : new String[]{samples.family(), samples.group(), samples.contender()}) {
      if (!NAME.matcher(name).matches()) {
        return "\"" + name + "\" is no name of a family, group or contender; they hold letters,"
            + " digits, '_', '-' and '.'";
      }
    }
    int count = samples.totals().length;
    if (count == 0) {
      return "there are no samples; a benchmark that could not run writes no file";
    }
    if (samples.iterations().length != count || samples.launches().length != count) {
      return count + " totals, but " + samples.iterations().length + " iterations and "
          + samples.launches().length + " launches; each sample has one of each";
    }
    return faultOfValues(samples);
  }

  /** Jackson lets null pass where a record has an object. */
  private static String absent(Samples samples) {
    Map<String, Optional<Object>> parts = new LinkedHashMap<>();
    parts.put("family", Optional.ofNullable(samples.family()));
    parts.put("group", Optional.ofNullable(samples.group()));
    parts.put("contender", Optional.ofNullable(samples.contender()));
    parts.put("description", Optional.ofNullable(samples.description()));
    parts.put("role", Optional.ofNullable(samples.role()));
    parts.put("quantity", Optional.ofNullable(samples.quantity()));
    parts.put("sampling", Optional.ofNullable(samples.sampling()));
    parts.put("launches", Optional.ofNullable(samples.launches()));
    parts.put("iterations", Optional.ofNullable(samples.iterations()));
    parts.put("totals", Optional.ofNullable(samples.totals()));
    parts.put("figures", Optional.ofNullable(samples.figures()));
    parts.put("started", Optional.ofNullable(samples.started()));
    parts.put("tool", Optional.ofNullable(samples.tool()));
    parts.put("options", Optional.ofNullable(samples.options()));
    parts.put("environment", Optional.ofNullable(samples.environment()));
    return parts.entrySet().stream()
        .filter(part -> part.getValue().isEmpty())
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse("");
  }

  private static String faultOfValues(Samples samples) {
    for (int i = 0; i < samples.totals().length; i++) {
      if (samples.iterations()[i] < 1) {
        return "iterations[" + i + "] is " + samples.iterations()[i] + ", not at least 1";
      }
      if (samples.launches()[i] < 0) {
        return "launches[" + i + "] is " + samples.launches()[i] + ", not at least 0";
      }
    }
    String fault = faultOf("totals", samples.totals());
    if (!fault.isEmpty()) {
      return fault;
    }
    if (samples.throughput() != null && !(samples.throughput().amount() > 0)) {
      return "throughput.amount is " + samples.throughput().amount() + ", not more than 0";
    }
    for (Map.Entry<String, Figure> figure : samples.figures().entrySet()) {
      String name = "figures." + figure.getKey() + ".values";
      if (figure.getValue() == null || figure.getValue().values() == null) {
        return name + " is null";
      }
      double[] values = figure.getValue().values();
      if (values.length != samples.totals().length) {
        return name + " has " + values.length + " values for " + samples.totals().length
            + " samples";
      }
      fault = faultOf(name, values);
      if (!fault.isEmpty()) {
        return fault;
      }
    }
    return "";
  }

  private static String faultOf(String name, double[] values) {
    for (int i = 0; i < values.length; i++) {
      if (!(values[i] >= 0) || Double.isInfinite(values[i])) {
        return name + "[" + i + "] is " + values[i] + ", not a finite number of at least 0";
      }
    }
    return "";
  }
}
