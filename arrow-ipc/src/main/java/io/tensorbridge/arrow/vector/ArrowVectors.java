package io.tensorbridge.arrow.vector;

import io.tensorbridge.FormatException;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowSchema;
import org.apache.arrow.memory.BufferAllocator;

/**
 * Batches as vectors of Arrow Java over the same memory; thread-safe.
 *
 * <p>No value is copied and no validity invented: columns without nulls share one run of ones. Each
 * buffer is wrapped, so that Arrow's reference counts and allocators know it; its bytes count against
 * the allocator's limit, though they were not allocated by it. Buffers may be unaligned.
 */
public final class ArrowVectors implements AutoCloseable {
  private static final String HOLDER = "Arrow vectors";

  private final BufferAllocator allocator;
  private final AllValid allValid;

  /**
   * Makes vectors of an allocator.
   *
   * @param allocator still the caller's, who closes it last
   */
  public ArrowVectors(BufferAllocator allocator) {
    this.allocator = allocator;
    this.allValid = new AllValid(allocator);
  }

  /**
   * A batch as vectors.
   *
   * @param schema of the batch
   * @param batch its columns, of native memory
   * @param released called once, by whichever thread releases the last buffer, also when this throws;
   *     for example the close of a file or a lease
   * @return the vectors, owned by the caller
   * @throws FormatException if Arrow Java lacks a type, has too many rows, or a buffer lies in the
   *     Java heap
   */
  public VectorTable table(ArrowSchema schema, ArrowBatch batch, Runnable released) {
    SharedRelease release = new SharedRelease(released);
    try {
      return new VectorLoading(allocator, allValid, release).load(schema, batch);
    } finally {
      release.letGo();
    }
  }

  /**
   * A batch in a region as vectors.
   *
   * @param schema of the batch
   * @param batch its columns, all in the region
   * @param region is leased until the last buffer is released
   * @return the vectors, owned by the caller
   * @throws FormatException as {@link #table(ArrowSchema, ArrowBatch, Runnable)}
   * @throws io.tensorbridge.BridgeClosedException if the region is closed
   */
  public VectorTable table(ArrowSchema schema, ArrowBatch batch, Region region) {
    Lease lease = region.lease(HOLDER);
    return table(schema, batch, lease::close);
  }

  /** Gives up what columns without nulls share; tables made before may be closed later. */
  @Override
  public void close() {
    allValid.close();
  }
}
