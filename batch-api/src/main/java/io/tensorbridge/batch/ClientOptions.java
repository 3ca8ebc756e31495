package io.tensorbridge.batch;

import io.tensorbridge.batch.wire.ControlLayout;
import java.time.Duration;

/**
 * How a {@link BatchClient} uses memory and time.
 *
 * @param ringEntries submissions that can be under way at a time, a power of 2 from 8 to 4096
 * @param poolBytes bound of the client's shared memory; the server's quota holds as well
 * @param slabBytes size up to which slabs for small tensors grow; a tensor above a quarter of it
 *     gets a region of its own
 * @param spin how long a waiting thread looks at the completion ring before it sleeps
 * @param patience how long a submission waits while as many as allowed are in flight
 */
public record ClientOptions(
    int ringEntries, long poolBytes, long slabBytes, Duration spin, Duration patience) {
  private static final int RING_ENTRIES = 256;
  private static final long SLAB_BYTES = 16L << 20;
  private static final Duration SPIN = Duration.ofNanos(50_000);
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** Checks the bounds. */
  public ClientOptions {
    if (!ControlLayout.isRingSize(ringEntries)) {
      throw new IllegalArgumentException(
          "ringEntries is " + ringEntries + ", no power of 2 from " + ControlLayout.MIN_ENTRIES
              + " to " + ControlLayout.MAX_ENTRIES);
    }
    if (poolBytes < 1 || slabBytes < 1 || spin.isNegative() || patience.isNegative()) {
      throw new IllegalArgumentException(
          "poolBytes, slabBytes, spin and patience are " + poolBytes + ", " + slabBytes + ", "
              + spin + " and " + patience + ", but must not be negative, the sizes not 0");
    }
  }

  /**
   * What serves most: 256 submissions, no bound but the server's, slabs of up to 16 MiB, 50
   * microseconds of spinning where there is more than one processor, and 30 seconds of patience.
   *
   * @return the options
   */
  public static ClientOptions defaults() {
    boolean alone = Runtime.getRuntime().availableProcessors() == 1;
    return new ClientOptions(
        RING_ENTRIES, Long.MAX_VALUE, SLAB_BYTES, alone ? Duration.ZERO : SPIN, PATIENCE);
  }

  /**
   * These options with another size of the rings.
   *
   * @param value submissions under way at a time
   * @return new options
   */
  public ClientOptions withRingEntries(int value) {
    return new ClientOptions(value, poolBytes, slabBytes, spin, patience);
  }

  /**
   * These options with another bound of shared memory.
   *
   * @param value bytes
   * @return new options
   */
  public ClientOptions withPoolBytes(long value) {
    return new ClientOptions(ringEntries, value, slabBytes, spin, patience);
  }

  /**
   * These options with another size of slabs.
   *
   * @param value bytes
   * @return new options
   */
  public ClientOptions withSlabBytes(long value) {
    return new ClientOptions(ringEntries, poolBytes, value, spin, patience);
  }

  /**
   * These options with another time of spinning.
   *
   * @param value how long, zero to sleep at once
   * @return new options
   */
  public ClientOptions withSpin(Duration value) {
    return new ClientOptions(ringEntries, poolBytes, slabBytes, value, patience);
  }

  /**
   * These options with another time that a submission waits while as many as allowed are in flight.
   *
   * @param value how long, zero to be refused at once
   * @return new options
   */
  public ClientOptions withPatience(Duration value) {
    return new ClientOptions(ringEntries, poolBytes, slabBytes, spin, value);
  }
}
