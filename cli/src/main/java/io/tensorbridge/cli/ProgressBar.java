package io.tensorbridge.cli;

import java.io.PrintWriter;

/** One line that is redrawn while work goes on; thread-safe. */
final class ProgressBar implements AutoCloseable {
  private static final int CELLS = 30;
  private static final long REDRAW_NANOS = 100_000_000;

  private final PrintWriter out;
  private final String what;
  private final boolean visible;
  private final long started = System.nanoTime();
  private long drawn = Long.MIN_VALUE;
  private int width;

  /** A bar that is drawn on a terminal only. */
  ProgressBar(PrintWriter out, String what, boolean quiet) {
    this.out = out;
    this.what = what;
    this.visible = !quiet && Terminal.showsProgress();
  }

  synchronized void update(long doneBytes, long totalBytes) {
    long now = System.nanoTime() - started;
    if (!visible || now - REDRAW_NANOS < drawn) {
      return;
    }
    drawn = now;
    double done = totalBytes == 0 ? 1 : (double) doneBytes / totalBytes;
    int full = (int) Math.round(done * CELLS);
    double seconds = now / 1e9;
    String line =
        what + " " + "█".repeat(full) + "░".repeat(CELLS - full) + " " + Math.round(done * 100)
            + "%  " + ByteSize.text(doneBytes) + " of " + ByteSize.text(totalBytes) + ", "
            + ByteSize.text((long) (doneBytes / seconds)) + "/s";
    out.print("\r" + line + " ".repeat(Math.max(0, width - line.length())));
    out.flush();
    width = line.length();
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
