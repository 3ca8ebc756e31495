package io.tensorbridge.batch;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.shm.LocalSocket;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** What the parts of a client share: the connection, the rings and the memory; thread-safe. */
final class ClientCore implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final ServerLink link;
  private final ClientRings rings;
  private final CompletionReader reader;
  private final RegionPool pool;

  private ClientCore(ServerLink link, ClientOptions options) {
    this.link = link;
    this.rings = new ClientRings(link, options.ringEntries(), options.patience());
    this.reader = new CompletionReader(link, rings, options.spin().toNanos());
    this.pool =
        new RegionPool(
            link, Math.min(options.poolBytes(), link.limits().maxBytes()), options.slabBytes());
  }

  /** Joins a server and starts the reader thread; closes the socket if that fails. */
  static ClientCore join(LocalSocket socket, ClientOptions options) {
    ServerLink link = ServerLink.join(socket, options.ringEntries());
    try {
      ClientCore core = new ClientCore(link, options);
      core.reader.start();
      return core;
    } catch (RuntimeException | Error failure) {
      link.close();
      throw failure;
    }
  }

  ServerLink link() {
    return link;
  }

  RegionPool pool() {
    return pool;
  }

  CompletionReader reader() {
    return reader;
  }

  long submit(ClientRings.Request request, Flight flight) {
    try {
      return rings.submit(request, flight);
    } catch (IllegalStateException unmapped) {
      throw RegionPool.closedFailure();
    }
  }

  /** Tells the server that the result of a batch is not wanted any more; does not wait. */
  void cancel(long batchId) {
    tell(ClientRings.Request.about(SubmissionKind.CANCEL, batchId));
  }

  /** Gives up a prepared batch, or one with waiting items; does not wait. */
  void forget(long batchId) {
    tell(ClientRings.Request.about(SubmissionKind.FORGET, batchId));
  }

  private void tell(ClientRings.Request request) {
    try {
      submit(request, new Call(() -> {}));
    } catch (BridgeClosedException over) {
      // The server has released everything, or is about to.
    } catch (BridgeException over) {
      if (link.end() == null) {
        throw over;
      }
    }
  }

  /**
   * Submits a block that is answered without delay, and waits for the answer.
   *
   * @param kind PLAN or PREPARE
   * @param frame room for the status area and, behind it, the block; still the caller's
   * @param statusBytes size of the status area
   * @return the batch id
   * @throws BridgeException if the submission is refused, or the server is silent
   */
  long call(SubmissionKind kind, BlockEncoder block, Piece frame, long statusBytes) {
    MemorySegment memory = frame.segment();
    memory.asSlice(0, statusBytes).fill((byte) 0);
    block.write(memory, statusBytes);
    ClientRings.Request request =
        new ClientRings.Request(
            kind,
            0,
            0,
            frame.span(statusBytes, block.byteLength()),
            frame.span(0, statusBytes),
            WireSpan.NONE);
    pool.hold(frame);
    Call call = new Call(() -> pool.drop(frame));
    long id = submitOrFail(request, call);
    if (!reader.await(call.ended, PATIENCE.toNanos())) {
      throw new BridgeTimeoutException(
          kind + " was not answered for " + PATIENCE.toSeconds() + " seconds; the server may be"
              + " stopped");
    }
    ErrorCode code = Waiting.resultOf(call.ended);
    if (code != ErrorCode.OK) {
      throw new StatusReader(memory.asSlice(0, statusBytes)).refusal(code);
    }
    return id;
  }

  private long submitOrFail(ClientRings.Request request, Call call) {
    try {
      return submit(request, call);
    } catch (BridgeException failure) {
      call.lost(failure);
      throw failure;
    }
  }

  /** A submission that is only answered. */
  private static final class Call implements Flight {
    final CompletableFuture<ErrorCode> ended = new CompletableFuture<>();
    private final Runnable release;

    /** Calls {@code release} once, when the server has let go of what the call names. */
    Call(Runnable release) {
      this.release = release;
    }

    @Override
    public void landed(ErrorCode code, long failedItems, long waitingItems) {
      release.run();
      ended.complete(code);
    }

    @Override
    public void lost(BridgeException reason) {
      release.run();
      ended.completeExceptionally(reason);
    }
  }

  /** Ends the connection; memory that is still in use stays until it is given back. */
  @Override
  public void close() {
    // First, so that the server's answer to the farewell is not taken for its death.
    reader.lose(RegionPool.closedFailure());
    link.sayGoodbye();
    reader.close();
    pool.close();
    link.close();
  }
}
