package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowSchema;
import java.util.List;
import java.util.Optional;

/**
 * Record batches of one schema, one after the other.
 *
 * <p>Used by one thread at a time. Batches outlive the stream: each is closed by whoever took it.
 */
public interface BatchStream extends AutoCloseable {
  /**
   * The columns of all batches.
   *
   * @return the schema
   */
  ArrowSchema schema();

  /**
   * The next batch.
   *
   * @return owned by the caller; empty at the end
   */
  Optional<Owned<ArrowBatch>> next();

  /** Ends the stream. Closing twice does nothing. */
  @Override
  void close();

  /**
   * A stream of batches that are there already.
   *
   * @param schema their columns
   * @param batches in their order
   * @param release ends the memory of all batches, for example {@code file::close}; called once, when
   *     the stream and all batches that it gave are closed
   * @return the stream
   */
  static BatchStream of(ArrowSchema schema, List<ArrowBatch> batches, Runnable release) {
    return new ListedBatches(schema, batches, release);
  }
}
