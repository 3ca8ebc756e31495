package io.tensorbridge.benches.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Numbers with units that fit them. The page's script gets the same table, so that axes and text
 * agree.
 */
final class Units {
  /**
   * A unit.
   *
   * @param factor how much one of it is
   * @param symbol what is written behind the number
   */
  record Step(double factor, String symbol) {}

  static final String TIME = "time";
  static final String BYTES = "bytes";
  static final String RATIO = "ratio";
  private static final String RATE = "/s";

  private static final Map<String, List<Step>> TABLE = table();

  private Units() {}

  private static Map<String, List<Step>> table() {
    Map<String, List<Step>> table = new LinkedHashMap<>();
    table.put(
        TIME,
        List.of(
            new Step(1e-3, "ps"),
            new Step(1, "ns"),
            new Step(1e3, "µs"),
            new Step(1e6, "ms"),
            new Step(1e9, "s")));
    table.put(
        BYTES,
        List.of(
            new Step(1, "B"),
            new Step(1 << 10, "KiB"),
            new Step(1 << 20, "MiB"),
            new Step(1 << 30, "GiB")));
    // Bandwidths are decimal, as memory vendors and the literature give them.
    table.put(
        BYTES + RATE,
        List.of(
            new Step(1, "B/s"),
            new Step(1e3, "kB/s"),
            new Step(1e6, "MB/s"),
            new Step(1e9, "GB/s"),
            new Step(1e12, "TB/s")));
    table.put(RATIO, List.of(new Step(0.01, "%")));
    return table;
  }

  /**
   * The kind of a rate.
   *
   * @param unit what is counted, for example {@code layers}
   * @return a kind for {@link #format}
   */
  static String rate(String unit) {
    return unit + RATE;
  }

  /**
   * The units of a kind.
   *
   * @param kind {@link #TIME}, {@link #BYTES}, {@link #RATIO}, a rate, or any other word, which
   *     then stands behind the number
   * @return them, ascending
   */
  static List<Step> steps(String kind) {
    List<Step> steps = TABLE.get(kind);
    if (steps != null) {
      return steps;
    }
    return List.of(new Step(1, kind), new Step(1e3, "k " + kind), new Step(1e6, "M " + kind));
  }

  private static Step fitting(String kind, double value) {
    List<Step> steps = steps(kind);
    Step fitting = steps.getFirst();
    for (Step step : steps) {
      if (Math.abs(value) >= step.factor()) {
        fitting = step;
      }
    }
    return value == 0 && kind.equals(TIME) ? new Step(1, "ns") : fitting;
  }

  /**
   * A number with its unit.
   *
   * @param kind what it counts
   * @param value in nanoseconds, bytes, or one of what the kind says
   * @return for example {@code 84.12 µs}; a dash if it isn't finite
   */
  static String format(String kind, double value) {
    if (!Double.isFinite(value)) {
      return "–";
    }
    Step step = fitting(kind, value);
    return (digits(value / step.factor()) + " " + step.symbol()).strip();
  }

  /**
   * An interval, both ends in one unit.
   *
   * @param kind what it counts
   * @param low lower end
   * @param high upper end
   * @return for example {@code 83.90 – 84.41 µs}
   */
  static String interval(String kind, double low, double high) {
    if (!Double.isFinite(low) || !Double.isFinite(high)) {
      return "–";
    }
    Step step = fitting(kind, high);
    String ends = digits(low / step.factor()) + " – " + digits(high / step.factor());
    return (ends + " " + step.symbol()).strip();
  }

  /**
   * A size as people chose it: 4 MiB, not 4.000 MiB.
   *
   * @param unit {@code bytes}, or what is counted
   * @param value how much
   * @return the shortest exact number with its unit
   */
  static String size(String unit, double value) {
    double shown = value;
    String symbol = unit;
    if (unit.equals(BYTES)) {
      double base = value % 1024 == 0 ? 1024 : 1000;
      List<String> symbols =
          base == 1024 ? List.of("B", "KiB", "MiB", "GiB") : List.of("B", "kB", "MB", "GB");
      int power = 0;
      while (power < 3 && shown >= base && shown % base == 0) {
        shown /= base;
        power++;
      }
      symbol = symbols.get(power);
    }
    String number =
        shown == Math.rint(shown) && Math.abs(shown) < 1e15
            ? Long.toString((long) shown)
            : Double.toString(shown);
    return (number + " " + symbol).strip();
  }

  /**
   * A relative change.
   *
   * @param change 0.1 is 10% more
   * @return with its sign, for example {@code +10.0%}
   */
  static String change(double change) {
    if (!Double.isFinite(change)) {
      return "–";
    }
    double percent = change * 100;
    String number = String.format(Locale.ROOT, Math.abs(percent) < 1 ? "%.2f" : "%.1f", percent);
    String signed = number.startsWith("-") ? "−" + number.substring(1) : "+" + number;
    return signed + "%";
  }

  /**
   * How often one goes into another.
   *
   * @param times at least 1
   * @return for example {@code 12.3×}
   */
  static String times(double times) {
    String format = times < 10 ? "%.2f×" : times < 100 ? "%.1f×" : "%,.0f×";
    return String.format(Locale.ROOT, format, times);
  }

  private static String digits(double value) {
    double size = Math.abs(value);
    String format = size < 10 ? "%.3f" : size < 100 ? "%.2f" : size < 1000 ? "%.1f" : "%,.0f";
    return String.format(Locale.ROOT, format, value);
  }
}
