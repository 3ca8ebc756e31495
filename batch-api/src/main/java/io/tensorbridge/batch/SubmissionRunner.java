package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Carries out the submissions of one client; used by the dispatcher only.
 *
 * <p>Each ends in exactly one completion: at once for everything but a run that goes to the workers.
 * What ends at once needs no lease, because this thread alone releases regions, and no object of its
 * own: {@link #batch}, {@link #status} and {@link #execution} serve one submission after the other,
 * until workers get them.
 */
final class SubmissionRunner {
  /** Work below this is done faster than a worker is woken, unless it waits for a disk. */
  private static final long INLINE_BYTES = 96 << 10;

  private final Engine engine;
  private final RegionTable regions;
  private final ClientBatches batches;
  private final ClientWatch watch;
  private final BlockDecoder decoder;
  private final WorkerPool.Share share;
  private final KnownItems known;
  private final BatchBinder binder;

  private BoundBatch batch = new BoundBatch();
  private @Nullable StatusArea status;
  private @Nullable BatchExecution execution;
  /** Follows the submission that is being carried out, if a recording wants that. */
  private @Nullable BatchTrace trace;

  SubmissionRunner(
      Engine engine, RegionTable regions, ClientBatches batches, ClientWatch watch) {
    this.engine = engine;
    this.regions = regions;
    this.batches = batches;
    this.watch = watch;
    this.decoder =
        new BlockDecoder(
            engine.options().maxItems(), engine.options().maxBlockBytes(), engine.blocks());
    this.share = engine.pool().share(engine.options().maxThreadsPerClient());
    this.known = new KnownItems(engine.itemBudget());
    this.binder = new BatchBinder(regions, engine.plans(), known);
  }

  /** Forgets what is known of the client's items. */
  void close() {
    known.forget();
  }

  /** The number of items that are known. */
  int knownItems() {
    return known.size();
  }

  /** Carries out one submission. Its leases have ended when its completion is visible. */
  void run(Submission submission) {
    StatusArea told = null;
    trace = watch.trace(submission);
    try {
      SubmissionKind kind = submission.requireKind();
      batches.requireFree(submission.batchId());
      if (kind == SubmissionKind.CANCEL || kind == SubmissionKind.FORGET) {
        carryOut(kind, submission);
      } else {
        told = status(submission.status());
        carryOut(kind, submission, told);
      }
    } catch (RuntimeException | LinkageError | OutOfMemoryError failure) {
      refuse(submission, told, failure);
    }
  }

  private StatusArea status(SpanRef span) {
    RegisteredRegion region = regions.require(span, true);
    StatusArea area = status;
    if (area == null) {
      area = new StatusArea(span, region);
      status = area;
    } else {
      area.move(span, region);
    }
    return area;
  }

  private void refuse(
      Submission submission, @Nullable StatusArea told, Throwable thrown) {
    if (thrown instanceof OutOfMemoryError) {
      known.forget(); // it is the heap of all clients
      batch.clear();
    }
    BridgeException failure = BridgeException.ofThrown(thrown);
    if (told != null) {
      told.refused(failure);
    }
    // A failure that no code of the format stands for is a defect of this software.
    ErrorCode code =
        failure.code() == ErrorCode.TENSOR_FAILED ? ErrorCode.INTERNAL : failure.code();
    watch.dispatcher().refused(failure);
    if (trace != null) {
      trace.refused(code);
    }
    batches.complete(submission.batchId(), code, 0);
  }

  private void carryOut(SubmissionKind kind, Submission submission) {
    if (kind == SubmissionKind.CANCEL) {
      batches.cancel(submission.targetId());
    } else {
      batches.forget(submission.targetId());
    }
    batches.complete(submission.batchId(), ErrorCode.OK, 0);
  }

  private void carryOut(SubmissionKind kind, Submission submission, StatusArea told) {
    switch (kind) {
      case RUN -> {
        bind(submission);
        run(submission, told, batch, null);
      }
      case PLAN -> plan(submission, told);
      case PREPARE -> prepare(submission, told);
      case RUN_PREPARED ->
          run(submission, told, batches.requirePrepared(submission.targetId()), null);
      case RESUME -> resume(submission, told);
      case CANCEL, FORGET -> throw new IllegalStateException(kind + " has no status area");
    }
  }

  private void bind(Submission submission) {
    SpanRef span = submission.block();
    RegisteredRegion region = regions.require(span, false);
    try {
      decoder.open(region.memory(), span.byteOffset(), span.byteLength());
      binder.bind(decoder, batch);
    } finally {
      decoder.close();
    }
  }

  private DecodedBatch decode(Submission submission) {
    SpanRef span = submission.block();
    RegisteredRegion region = regions.require(span, false);
    try {
      return decoder.decode(region.memory(), span.byteOffset(), span.byteLength());
    } finally {
      decoder.close();
    }
  }

  private void plan(Submission submission, StatusArea told) {
    List<BoundItem> items = binder.plan(decode(submission));
    told.begin(items.size(), 0);
    told.zeroItems();
    int failed = 0;
    for (int i = 0; i < items.size(); i++) {
      switch (items.get(i)) {
        case BoundItem.Planned item ->
            told.plan(
                i,
                ErrorCode.OK,
                new PlanRecord(item.plan().label(), item.workBytes(), item.plan().outputs()));
        case BoundItem.Refused item -> {
          told.failed(i, item.failure());
          failed++;
        }
        case BoundItem.Continued item ->
            throw new IllegalStateException("PLAN continues nothing");
      }
    }
    batches.complete(submission.batchId(), ErrorCode.OK, failed);
  }

  private void prepare(Submission submission, StatusArea told) {
    bind(submission);
    told.begin(batch.size(), batch.workBytes());
    told.zeroItems();
    int failed = 0;
    for (int i = 0; i < batch.size(); i++) {
      if (batch.item(i) instanceof BoundItem.Refused refused) {
        told.failed(i, refused.failure());
        failed++;
      } else {
        told.done(i);
      }
    }
    try (LeaseSet leases = new LeaseSet(engine.counters())) {
      batch.leaseFor(leases);
      long blockBytes = submission.block().byteLength();
      batches.addPrepared(submission.batchId(), batch.copy(), leases, blockBytes);
      leases.retain();
    }
    batches.complete(submission.batchId(), ErrorCode.OK, failed);
  }

  private void resume(Submission submission, StatusArea told) {
    WaitingItems waiting = batches.requireWaiting(submission.targetId());
    binder.resume(decode(submission), waiting, batch);
    run(submission, told, batch, waiting);
  }

  /** Runs a batch, here or by the workers. */
  private void run(
      Submission submission, StatusArea told, BoundBatch running, @Nullable WaitingItems origin) {
    batches.requireRoomInFlight();
    SpanRef output = submission.output();
    RegisteredRegion outputRegion = output.isNone() ? null : regions.require(output, true);
    running.requireOutputSpan(output);
    told.begin(running.size(), running.workBytes());
    MemorySegment span =
        outputRegion != null && running.needsSpan()
            ? outputRegion.memory().asSlice(output.byteOffset(), output.byteLength())
            : null;
    boolean inline = running.workBytes() <= INLINE_BYTES && !running.readsFiles();
    if (trace != null) {
      trace.bound(running, !inline);
    }
    BatchExecution run = execution(running, told);
    Tally tally = inline ? watch.dispatcher() : watch.workers();
    run.begin(submission.batchId(), running, told, origin, span, tally, trace);
    if (origin != null) {
      origin.beginResume(running);
    }
    if (inline) {
      run.runHere();
      if (!run.waiting().isEmpty()) {
        hold(run, running, told, outputRegion, null, submission);
      }
      run.batchEnded();
    } else {
      told.zeroItems();
      hold(run, running, told, outputRegion, origin, submission);
      giveAway(running);
      submit(submission, running, run);
    }
  }

  private BatchExecution execution(BoundBatch running, StatusArea told) {
    BatchExecution run = execution;
    if (run == null) {
      run = new BatchExecution(batches, running, told, watch.dispatcher());
      execution = run;
    }
    return run;
  }

  /**
   * Takes leases on all memory of a run that does not end here and now.
   *
   * @param origin where its items waited, if whatever they hold must be held by the run, too
   */
  private void hold(
      BatchExecution run,
      BoundBatch running,
      StatusArea told,
      @Nullable RegisteredRegion outputRegion,
      @Nullable WaitingItems origin,
      Submission submission) {
    List<LeaseSet> held = new ArrayList<>();
    LeaseSet own = new LeaseSet(engine.counters());
    held.add(own);
    told.region().leaseFor(own);
    if (outputRegion != null) {
      outputRegion.leaseFor(own);
    }
    if (running == batch) {
      running.leaseFor(own);
    } else {
      held.add(batches.preparedLeases(submission.targetId()));
    }
    if (origin != null) {
      held.addAll(origin.leases());
    }
    for (int i = 1; i < held.size(); i++) {
      held.get(i).retain();
    }
    run.hold(held);
  }

  /** Leaves to the workers what would serve the next submission. */
  private void giveAway(BoundBatch running) {
    if (running == batch) {
      batch = new BoundBatch();
    }
    status = null;
    execution = null;
  }

  private void submit(Submission submission, BoundBatch running, BatchExecution run) {
    int threads = running.threads() == 0 ? Integer.MAX_VALUE : running.threads();
    OpBatch work =
        new OpBatch(
            run.forWorkers(),
            running.continueOnError(),
            Math.min(threads, engine.pool().threadCount()),
            run,
            engine.pool()::wake);
    batches.addInFlight(submission.batchId(), work);
    if (submission.timeoutNanos() > 0) {
      engine.deadlines().add(work, submission.timeoutNanos());
    }
    engine.pool().submit(work, share);
  }
}
