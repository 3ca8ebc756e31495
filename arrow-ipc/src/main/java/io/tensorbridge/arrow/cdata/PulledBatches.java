package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.internal.cdata.StreamSource;
import java.util.Optional;

/** A stream as C pulls it. */
final class PulledBatches implements StreamSource {
  private final BatchStream batches;

  PulledBatches(BatchStream batches) {
    this.batches = batches;
  }

  @Override
  public void exportSchema(long target) {
    ArrowExport.schema(batches.schema(), target);
  }

  @Override
  public boolean exportNext(long target) {
    Optional<Owned<ArrowBatch>> next = batches.next();
    if (next.isEmpty()) {
      return false;
    }
    try {
      ArrowExport.batch(next.get(), target);
    } catch (RuntimeException | Error failure) {
      next.get().close();
      throw failure;
    }
    return true;
  }

  @Override
  public void close() {
    batches.close();
  }
}
