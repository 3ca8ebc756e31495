package io.tensorbridge.cli;

import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.tensorbridge.batch.wire.HeldCounts;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.ObservedServer;
import io.tensorbridge.batch.wire.WorkCounts;
import java.util.function.Supplier;

/**
 * A server's numbers under Prometheus' names; all of one scrape are of one look. Clients come and
 * go, and each would leave a series behind: they are seen by {@code top} instead.
 */
final class ServerMetrics implements MultiCollector {
  private static final double NANOS_PER_SECOND = 1e9;

  private final Supplier<Observation> server;

  /**
   * Metrics of a server.
   *
   * @param server looks at it
   */
  ServerMetrics(Supplier<Observation> server) {
    this.server = server;
  }

  @Override
  public MetricSnapshots collect() {
    ObservedServer seen = server.get().server();
    HeldCounts held = seen.held();
    WorkCounts work = seen.work();
    return MetricSnapshots.of(
        counter("batches", "Runs of batches that have ended", work.batches()),
        counter("items", "Items of the batches that have run", work.items()),
        counter("failed_items", "Items that failed", work.failedItems()),
        counter(
            "refused",
            "Submissions and messages of clients that were refused as a whole",
            work.refused()),
        counter("input_bytes", "Bytes of the tensors that batches read", work.inputBytes()),
        counter("output_bytes", "Bytes of the tensors that batches wrote", work.outputBytes()),
        counter(
            "busy_seconds",
            "Time in which a client had a batch at work, summed over the clients",
            work.busyNanos() / NANOS_PER_SECOND),
        counter(
            "log_lines_dropped",
            "Lines of the log that found no reader in time",
            seen.droppedLogLines()),
        runTimes(work),
        gauge("clients", "Clients that are connected", seen.clients()),
        gauge("regions", "Regions of shared memory that clients have registered", held.regions()),
        gauge("region_bytes", "Bytes of the registered regions", held.regionBytes()),
        gauge("leases", "Holds of batches on regions", held.leases()),
        gauge("batches_in_flight", "Batches that the workers have", held.inFlight()),
        gauge(
            "batches_kept",
            "Batches that are prepared, or whose items wait for space",
            held.kept()),
        gauge(
            "submissions_queued",
            "Submissions in the rings that the server has not taken",
            held.queued()),
        gauge("workers", "Threads that work for all clients", seen.workers()),
        gauge("uptime_seconds", "Time since the server began",
            seen.uptimeNanos() / NANOS_PER_SECOND));
  }

  private static CounterSnapshot counter(String name, String help, Number value) {
    return CounterSnapshot.builder()
        .name("tensorbridge_" + name)
        .help(help)
        .dataPoint(
            CounterSnapshot.CounterDataPointSnapshot.builder().value(value.doubleValue()).build())
        .build();
  }

  private static GaugeSnapshot gauge(String name, String help, Number value) {
    return GaugeSnapshot.builder()
        .name("tensorbridge_" + name)
        .help(help)
        .dataPoint(
            GaugeSnapshot.GaugeDataPointSnapshot.builder().value(value.doubleValue()).build())
        .build();
  }

  private static HistogramSnapshot runTimes(WorkCounts work) {
    ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
    for (int i = 0; i < WorkCounts.BUCKETS; i++) {
      double upper =
          i == WorkCounts.BUCKETS - 1
              ? Double.POSITIVE_INFINITY
              : WorkCounts.upperNanos(i) / NANOS_PER_SECOND;
      buckets.bucket(upper, work.runTimes().get(i));
    }
    return HistogramSnapshot.builder()
        .name("tensorbridge_batch_run_seconds")
        .help("Time from a bound batch to the end of its last item")
        .dataPoint(
            HistogramSnapshot.HistogramDataPointSnapshot.builder()
                .classicHistogramBuckets(buckets.build())
                .sum(work.runNanos() / NANOS_PER_SECOND)
                .build())
        .build();
  }
}
