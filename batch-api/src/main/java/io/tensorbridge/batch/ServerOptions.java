package io.tensorbridge.batch;

import io.tensorbridge.op.TensorOpProvider;
import java.time.Duration;
import java.util.List;

/**
 * The limits and habits of a {@link BatchServer}; immutable.
 *
 * @param maxClients connections at a time
 * @param maxBytesPerClient bytes of all regions that one client has registered
 * @param maxRegions regions that one client has registered
 * @param maxBatches batches of one client in flight, and as many prepared
 * @param maxItems items in one batch
 * @param maxBlockBytes size of a batch block
 * @param threads workers that all clients share
 * @param maxThreadsPerClient how many of these work for one client at once
 * @param admission who may be a client of a server that listens at a path
 * @param spin how long the server looks for a client's next submission before it sleeps; zero
 *     where there is one processor
 * @param diagnostics whether clients can ask for operations that only serve tests, such as {@code
 *     delay}
 * @param log where the server tells of its clients
 * @param operations operations beside those found on the class path
 */
public record ServerOptions(
    int maxClients,
    long maxBytesPerClient,
    int maxRegions,
    int maxBatches,
    int maxItems,
    long maxBlockBytes,
    int threads,
    int maxThreadsPerClient,
    Admission admission,
    Duration spin,
    boolean diagnostics,
    LogSink log,
    List<TensorOpProvider> operations) {
  private static final int MAX_CLIENTS = 64;
  private static final long MAX_BYTES = 64L << 30;
  private static final int MAX_REGIONS = 4096;
  private static final int MAX_BATCHES = 1024;
  private static final int MAX_ITEMS = 1 << 16;
  private static final long MAX_BLOCK_BYTES = 16L << 20;
  private static final long LARGEST_BLOCK_BYTES = 1L << 30;
  private static final Duration SPIN = Duration.ofNanos(150_000);

  /** Refuses limits that would let nobody work. */
  public ServerOptions {
    requireAtLeastOne("maxClients", maxClients);
    requireAtLeastOne("maxBytesPerClient", maxBytesPerClient);
    requireAtLeastOne("maxRegions", maxRegions);
    requireAtLeastOne("maxBatches", maxBatches);
    requireAtLeastOne("maxItems", maxItems);
    requireAtLeastOne("maxBlockBytes", maxBlockBytes);
    requireAtLeastOne("threads", threads);
    requireAtLeastOne("maxThreadsPerClient", maxThreadsPerClient);
    if (maxBlockBytes > LARGEST_BLOCK_BYTES) {
      throw new IllegalArgumentException(
          "maxBlockBytes is " + maxBlockBytes + ", above " + LARGEST_BLOCK_BYTES);
    }
    operations = List.copyOf(operations);
  }

  private static void requireAtLeastOne(String name, long value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " is " + value + ", below 1");
    }
  }

  /**
   * What suits a server of one machine: a worker for each processor that this process may use, and
   * limits that stop mistakes rather than work.
   *
   * @return the defaults
   */
  public static ServerOptions defaults() {
    int processors = Runtime.getRuntime().availableProcessors();
    return new ServerOptions(
        MAX_CLIENTS,
        MAX_BYTES,
        MAX_REGIONS,
        MAX_BATCHES,
        MAX_ITEMS,
        MAX_BLOCK_BYTES,
        processors,
        Integer.MAX_VALUE,
        Admission.OWN_USER,
        processors > 1 ? SPIN : Duration.ZERO,
        false,
        LogSink.ofSystem(),
        List.of());
  }

  /**
   * Begins with the defaults.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder(defaults());
  }

  /**
   * Begins with these options.
   *
   * @return a builder
   */
  public Builder toBuilder() {
    return new Builder(this);
  }

  /** Options in the making; not thread-safe. */
  public static final class Builder {
    private int maxClients;
    private long maxBytesPerClient;
    private int maxRegions;
    private int maxBatches;
    private int maxItems;
    private long maxBlockBytes;
    private int threads;
    private int maxThreadsPerClient;
    private Admission admission;
    private Duration spin;
    private boolean diagnostics;
    private LogSink log;
    private List<TensorOpProvider> operations;

    private Builder(ServerOptions from) {
      maxClients = from.maxClients;
      maxBytesPerClient = from.maxBytesPerClient;
      maxRegions = from.maxRegions;
      maxBatches = from.maxBatches;
      maxItems = from.maxItems;
      maxBlockBytes = from.maxBlockBytes;
      threads = from.threads;
      maxThreadsPerClient = from.maxThreadsPerClient;
      admission = from.admission;
      spin = from.spin;
      diagnostics = from.diagnostics;
      log = from.log;
      operations = from.operations;
    }

    /**
     * Sets {@link ServerOptions#maxClients()}.
     *
     * @param value connections at a time
     * @return this builder
     */
    public Builder maxClients(int value) {
      maxClients = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#maxBytesPerClient()}.
     *
     * @param value bytes of all regions that one client has registered
     * @return this builder
     */
    public Builder maxBytesPerClient(long value) {
      maxBytesPerClient = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#maxRegions()}.
     *
     * @param value regions that one client has registered
     * @return this builder
     */
    public Builder maxRegions(int value) {
      maxRegions = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#maxBatches()}.
     *
     * @param value batches of one client in flight, and as many prepared
     * @return this builder
     */
    public Builder maxBatches(int value) {
      maxBatches = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#maxItems()}.
     *
     * @param value items in one batch
     * @return this builder
     */
    public Builder maxItems(int value) {
      maxItems = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#maxBlockBytes()}.
     *
     * @param value size of a batch block
     * @return this builder
     */
    public Builder maxBlockBytes(long value) {
      maxBlockBytes = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#threads()}.
     *
     * @param value workers that all clients share
     * @return this builder
     */
    public Builder threads(int value) {
      threads = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#maxThreadsPerClient()}.
     *
     * @param value how many workers work for one client at once
     * @return this builder
     */
    public Builder maxThreadsPerClient(int value) {
      maxThreadsPerClient = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#admission()}.
     *
     * @param value who may be a client of a server that listens at a path
     * @return this builder
     */
    public Builder admission(Admission value) {
      admission = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#spin()}.
     *
     * @param value how long the server looks for the next submission before it sleeps
     * @return this builder
     */
    public Builder spin(Duration value) {
      spin = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#diagnostics()}.
     *
     * @param value whether operations that only serve tests are offered
     * @return this builder
     */
    public Builder diagnostics(boolean value) {
      diagnostics = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#log()}.
     *
     * @param value where the server tells of its clients
     * @return this builder
     */
    public Builder log(LogSink value) {
      log = value;
      return this;
    }

    /**
     * Sets {@link ServerOptions#operations()}.
     *
     * @param value operations beside those found on the class path
     * @return this builder
     */
    public Builder operations(List<TensorOpProvider> value) {
      operations = value;
      return this;
    }

    /**
     * The options as set.
     *
     * @return immutable options
     * @throws IllegalArgumentException if a limit is below 1
     */
    public ServerOptions build() {
      return new ServerOptions(
          maxClients,
          maxBytesPerClient,
          maxRegions,
          maxBatches,
          maxItems,
          maxBlockBytes,
          threads,
          maxThreadsPerClient,
          admission,
          spin,
          diagnostics,
          log,
          operations);
    }
  }
}
