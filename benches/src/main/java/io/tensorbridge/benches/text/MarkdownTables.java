package io.tensorbridge.benches.text;

import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.text.RunResults.Benchmark;
import io.tensorbridge.benches.text.RunResults.Conditions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Puts tables into Markdown, between {@code <!-- table: NAME -->} and {@code <!-- end -->}, a line
 * each. The name is that of a family, {@code machine}, or {@code schemes}: the kernels in short.
 */
final class MarkdownTables {
  private static final String MACHINE = "machine";
  private static final String SCHEMES = "schemes";
  private static final String KERNELS = "kernels";
  private static final Pattern BEGIN = Pattern.compile("\\s*<!-- table: (\\S+) -->\\s*");
  private static final Pattern END = Pattern.compile("\\s*<!-- end -->\\s*");

  private final RunResults results;

  MarkdownTables(RunResults results) {
    this.results = results;
  }

  /**
   * Replaces what stands between the marks.
   *
   * @param document its lines
   * @return the lines with fresh tables
   * @throws IOException if there are no marks, one is not closed, or names what there isn't
   */
  List<String> fill(List<String> document) throws IOException {
    List<String> filled = new ArrayList<>();
    String open = "";
    int tables = 0;
    for (int i = 0; i < document.size(); i++) {
      String line = document.get(i);
      Matcher begin = BEGIN.matcher(line);
      if (begin.matches()) {
        requireClosed(open, i);
        open = begin.group(1);
        tables++;
        filled.add(line);
        filled.addAll(table(open, i));
      } else if (END.matcher(line).matches()) {
        if (open.isEmpty()) {
          throw new IOException("line " + (i + 1) + " ends a table that did not begin");
        }
        open = "";
        filled.add(line);
      } else if (open.isEmpty()) {
        filled.add(line);
      }
    }
    requireClosed(open, document.size());
    if (tables == 0) {
      throw new IOException("no line is <!-- table: NAME -->, so there is nothing to fill in");
    }
    return filled;
  }

  private static void requireClosed(String open, int line) throws IOException {
    if (!open.isEmpty()) {
      throw new IOException(
          "the table " + open + " has no <!-- end --> up to line " + line);
    }
  }

  private List<String> table(String name, int line) throws IOException {
    if (name.equals(MACHINE)) {
      return machine().forMarkdown();
    }
    Map<String, List<Benchmark>> groups =
        results.groups(name.equals(SCHEMES) ? KERNELS : name);
    if (groups.isEmpty()) {
      throw new IOException(
          "line " + (line + 1) + ": there is no family " + name + ", only "
              + String.join(", ", results.families()) + " and " + MACHINE);
    }
    return (name.equals(SCHEMES) ? SchemeSpeeds.table(groups) : family(groups)).forMarkdown();
  }

  private static TextTable family(Map<String, List<Benchmark>> groups) {
    List<Benchmark> all = groups.values().stream().flatMap(List::stream).toList();
    List<Benchmark> compared =
        groups.values().stream().filter(group -> group.size() > 1).flatMap(List::stream).toList();
    Set<String> figures = new TreeSet<>();
    all.forEach(benchmark -> figures.addAll(benchmark.figureUnits().keySet()));
    List<String> heads =
        new ArrayList<>(
            List.of(
                "work", "contender", "median", "95% interval", Cells.ratioHead(compared),
                "throughput"));
    heads.addAll(figures);
    TextTable table = new TextTable(heads);
    for (List<Benchmark> group : groups.values()) {
      String work = "`" + group.getFirst().group() + "`";
      for (Benchmark benchmark : group) {
        List<String> cells =
            new ArrayList<>(
                List.of(
                    work,
                    contender(benchmark),
                    Cells.median(benchmark),
                    Cells.interval(benchmark),
                    group.size() == 1 ? "" : Cells.ratio(benchmark),
                    Cells.throughput(benchmark)));
        figures.forEach(figure -> cells.add(Cells.figure(benchmark, figure)));
        table.add(cells);
        // Named once, in its first row.
        work = "";
      }
    }
    return table;
  }

  /** Ours stand out; of the others it is said whose they are, unless the name says it. */
  private static String contender(Benchmark benchmark) {
    String name = benchmark.contender();
    String role = benchmark.role().name().toLowerCase(Locale.ROOT);
    return benchmark.role() == Role.OURS
        ? "**" + name + "**"
        : name.contains(role) ? name : name + " (" + role + ")";
  }

  /** Facts of all runs; where runs differ, all values. */
  private TextTable machine() {
    Map<String, Set<String>> facts = new LinkedHashMap<>();
    for (Conditions conditions : results.conditions()) {
      conditions.environment().forEach((name, value) -> add(facts, name, value));
    }
    for (Conditions conditions : results.conditions()) {
      conditions.options().forEach((name, value) -> add(facts, name, value));
      add(facts, "sampled by", conditions.tool());
      add(facts, "measured", conditions.started());
    }
    TextTable table = new TextTable(List.of("fact", "value"));
    facts.forEach((name, values) -> table.add(List.of(name, String.join("; ", values))));
    return table;
  }

  private static void add(Map<String, Set<String>> facts, String name, String value) {
    facts.computeIfAbsent(name, key -> new LinkedHashSet<>()).add(value);
  }
}
