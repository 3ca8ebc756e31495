package io.tensorbridge.arrow.cdata;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowSchema;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Batches whose memory has one owner, which the last user ends. */
final class ListedBatches implements BatchStream {
  private final ArrowSchema schema;
  private final Iterator<ArrowBatch> batches;
  private final Runnable release;
  private final AtomicInteger users = new AtomicInteger(1);
  private final AtomicBoolean closed = new AtomicBoolean();

  ListedBatches(ArrowSchema schema, List<ArrowBatch> batches, Runnable release) {
    this.schema = schema;
    this.batches = List.copyOf(batches).iterator();
    this.release = release;
  }

  @Override
  public ArrowSchema schema() {
    return schema;
  }

  @Override
  public Optional<Owned<ArrowBatch>> next() {
    if (closed.get()) {
      throw new BridgeClosedException("this stream of record batches is closed");
    }
    if (!batches.hasNext()) {
      return Optional.empty();
    }
    users.incrementAndGet();
    return Optional.of(Owned.of(batches.next(), this::leave));
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      leave();
    }
  }

  private void leave() {
    if (users.decrementAndGet() == 0) {
      release.run();
    }
  }
}
