package io.tensorbridge.benches.compare;

import io.tensorbridge.benches.sample.Samples;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Tells what else than the code may have changed between two runs. */
final class EnvironmentChanges {
  private EnvironmentChanges() {}

  /** A sentence for each fact that differs, in the order of their names. */
  static List<String> between(Samples before, Samples after) {
    List<String> changes = new ArrayList<>();
    add(changes, "the work", work(before), work(after));
    add(changes, "the tool", before.tool(), after.tool());
    addAll(changes, "", before.environment(), after.environment());
    addAll(changes, "--", before.options(), after.options());
    return List.copyOf(changes);
  }

  private static String work(Samples samples) {
    String parameter =
        samples.parameter() == null
            ? ""
            : samples.parameter().name() + " " + samples.parameter().value();
    String throughput =
        samples.throughput() == null
            ? ""
            : samples.throughput().amount() + " " + samples.throughput().unit();
    return (parameter + " " + throughput).strip();
  }

  private static void addAll(
      List<String> changes, String mark, Map<String, String> before, Map<String, String> after) {
    TreeSet<String> names = new TreeSet<>(before.keySet());
    names.addAll(after.keySet());
    for (String name : names) {
      add(changes, mark + name, before.getOrDefault(name, ""), after.getOrDefault(name, ""));
    }
  }

  private static void add(List<String> changes, String name, String before, String after) {
    if (!before.equals(after)) {
      changes.add(name + " is " + shown(after) + ", it was " + shown(before) + ".");
    }
  }

  private static String shown(String value) {
    return value.isEmpty() ? "not known" : value;
  }
}
