package io.tensorbridge.cli;

import java.io.PrintWriter;
import java.util.Locale;

/**
 * Tells how far work is: one line that is redrawn on a terminal, or lines of JSON for a program;
 * thread-safe.
 */
final class ProgressBar implements AutoCloseable {
  /** How progress is told. */
  enum Style {
    /** On a terminal, as a line that is redrawn. */
    BAR,
    /** As one JSON object a line. */
    JSON,
    /** Not at all. */
    NONE
  }

  private static final int CELLS = 30;
  private static final long REDRAW_NANOS = 100_000_000;

  private final PrintWriter out;
  private final String what;
  private final Style style;
  private final long started = System.nanoTime();
  private long drawn = Long.MIN_VALUE;
  private int width;

  /** A bar; on what is no terminal, it is not drawn. */
  ProgressBar(PrintWriter out, String what, Style style) {
    this.out = out;
    this.what = what;
    this.style = style == Style.BAR && !Terminal.showsProgress() ? Style.NONE : style;
  }

  synchronized void update(long doneBytes, long totalBytes) {
    long now = System.nanoTime() - started;
    boolean last = doneBytes == totalBytes;
    if (style == Style.NONE || (!last && now - REDRAW_NANOS < drawn)) {
      return;
    }
    drawn = now;
    double rate = doneBytes / Math.max(1e-9, now / 1e9);
    double secondsLeft = (totalBytes - doneBytes) / Math.max(1, rate);
    if (style == Style.JSON) {
      printJson(doneBytes, totalBytes, rate, secondsLeft);
    } else {
      redraw(doneBytes, totalBytes, rate, secondsLeft);
    }
  }

  private void printJson(long doneBytes, long totalBytes, double rate, double secondsLeft) {
    out.println(
        String.format(
            Locale.ROOT,
            "{\"stage\":\"%s\",\"done_bytes\":%d,\"total_bytes\":%d,"
                + "\"bytes_per_second\":%.0f,\"seconds_left\":%.1f}",
            what,
            doneBytes,
            totalBytes,
            rate,
            secondsLeft));
    out.flush();
  }

  private void redraw(long doneBytes, long totalBytes, double rate, double secondsLeft) {
    double done = totalBytes == 0 ? 1 : (double) doneBytes / totalBytes;
    int full = (int) Math.round(done * CELLS);
    String line =
        what + " " + "█".repeat(full) + "░".repeat(CELLS - full) + " " + Math.round(done * 100)
            + "%  " + ByteSize.text(doneBytes) + " of " + ByteSize.text(totalBytes)
            + String.format(Locale.ROOT, ", %.2f GB/s, ", rate / 1e9) + time(secondsLeft)
            + " left";
    out.print("\r" + line + " ".repeat(Math.max(0, width - line.length())));
    out.flush();
    width = line.length();
  }

  /** Minutes and seconds, and hours if there are any. */
  static String time(double seconds) {
    long whole = (long) Math.ceil(seconds);
    String minutes = String.format(Locale.ROOT, "%d:%02d", whole / 60 % 60, whole % 60);
    return whole < 3600
        ? minutes
        : String.format(
            Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }

  /** Removes the line. */
  @Override
  public synchronized void close() {
    if (width > 0) {
      out.print("\r" + " ".repeat(width) + "\r");
      out.flush();
    }
  }
}
