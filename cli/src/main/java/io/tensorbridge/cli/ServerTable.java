package io.tensorbridge.cli;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.HeldCounts;
import io.tensorbridge.batch.wire.ObservedClient;
import io.tensorbridge.batch.wire.ObservedServer;
import io.tensorbridge.batch.wire.WorkCounts;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** What {@code top} shows on a terminal. */
final class ServerTable {
  private static final double MEDIAN = 0.5;
  private static final double LATE = 0.99;
  private static final double BYTES_PER_GB = 1e9;
  private static final int MAX_ERROR_CHARS = 60;
  private static final String CLEAR_LINE = "\u001b[K";

  private ServerTable() {}

  /**
   * Prints the server and its clients, the busiest first.
   *
   * @param overwrites whether lines replace older ones, which may be longer
   */
  static void print(ServerRates rates, PrintWriter out, boolean overwrites) {
    StringWriter text = new StringWriter();
    try (PrintWriter lines = new PrintWriter(text)) {
      printServer(rates, lines);
      lines.println();
      clients(rates).print(lines);
    }
    String end = overwrites ? CLEAR_LINE : "";
    text.toString().lines().forEach(line -> out.println(line + end));
  }

  private static void printServer(ServerRates rates, PrintWriter out) {
    ObservedServer server = rates.now().server();
    HeldCounts held = server.held();
    WorkCounts work = rates.work();
    out.println(
        "server " + server.pid() + ", up " + duration(server.uptimeNanos()) + ", "
            + server.workers() + " workers, heap " + ByteSize.text(server.heapUsed()) + " of "
            + ByteSize.text(server.heapCommitted()) + ", " + server.clients() + " clients"
            + (server.droppedLogLines() == 0
                ? ""
                : ", " + server.droppedLogLines() + " log lines dropped"));
    out.println(
        "now    " + number(rates.batchesPerSecond(work)) + " batches/s, "
            + gigabytes(rates.bytesPerSecond(work)) + " GB/s, p50 "
            + micros(work.quantileNanos(MEDIAN)) + ", p99 " + micros(work.quantileNanos(LATE))
            + ", in flight " + held.inFlight() + ", queued " + held.queued() + ", "
            + held.regions() + " regions, " + ByteSize.text(held.regionBytes()));
    WorkCounts all = server.work();
    out.println(
        "total  " + all.batches() + " batches, " + all.items() + " items, " + all.failedItems()
            + " failed, " + all.refused() + " refused, " + ByteSize.text(all.inputBytes())
            + " read, " + ByteSize.text(all.outputBytes()) + " written");
  }

  private static TextTable clients(ServerRates rates) {
    TextTable table =
        new TextTable(
            ">PID", "USER", "PROCESS", ">AGE", ">REGIONS", ">SHARED", ">LEASES", ">KEPT",
            ">FLYING", ">QUEUED", ">BATCH/S", ">GB/S", ">BUSY", ">P50", ">P99", ">FAILED",
            "LAST ERROR");
    List<ObservedClient> clients =
        rates.now().clients().stream()
            .sorted(
                Comparator.comparingDouble(
                    (ObservedClient client) -> -rates.work(client).busyNanos())
                    .thenComparingLong(ObservedClient::id))
            .toList();
    for (ObservedClient client : clients) {
      HeldCounts held = client.held();
      WorkCounts work = rates.work(client);
      table.add(
          Integer.toString(client.pid()),
          PeerProcess.user(client.pid(), client.uid()),
          PeerProcess.name(client.pid()),
          duration(client.ageNanos()),
          Integer.toString(held.regions()),
          ByteSize.text(held.regionBytes()),
          Integer.toString(held.leases()),
          Integer.toString(held.kept()),
          Integer.toString(held.inFlight()),
          Integer.toString(held.queued()),
          number(rates.batchesPerSecond(work)),
          gigabytes(rates.bytesPerSecond(work)),
          Math.round(100 * rates.busy(work)) + "%",
          micros(work.quantileNanos(MEDIAN)),
          micros(work.quantileNanos(LATE)),
          Long.toString(client.work().failedItems()),
          lastError(client));
    }
    return table;
  }

  private static String lastError(ObservedClient client) {
    if (client.lastError() == ErrorCode.OK) {
      return "";
    }
    String text = client.lastError() + ": " + PeerProcess.printable(client.lastErrorText());
    return text.length() <= MAX_ERROR_CHARS ? text : text.substring(0, MAX_ERROR_CHARS - 3) + "...";
  }

  private static String number(double value) {
    return value < 10
        ? String.format(Locale.ROOT, "%.1f", value)
        : Long.toString(Math.round(value));
  }

  private static String gigabytes(double bytes) {
    return String.format(Locale.ROOT, "%.2f", bytes / BYTES_PER_GB);
  }

  private static String micros(double nanos) {
    if (nanos <= 0) {
      return "-";
    }
    return nanos < 1e6
        ? String.format(Locale.ROOT, "%.1fus", nanos / 1e3)
        : String.format(Locale.ROOT, "%.1fms", nanos / 1e6);
  }

  private static String duration(long nanos) {
    long seconds = nanos / 1_000_000_000;
    if (seconds < 60) {
      return seconds + "s";
    }
    if (seconds < 3600) {
      return seconds / 60 + "m" + seconds % 60 + "s";
    }
    return seconds / 3600 + "h" + seconds / 60 % 60 + "m";
  }
}
