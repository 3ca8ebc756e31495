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
 */
final class SubmissionRunner {
  /** Work below this is done faster than a worker is woken, unless it waits for a disk. */
  private static final long INLINE_BYTES = 96 << 10;

  private final Engine engine;
  private final RegionTable regions;
  private final ClientBatches batches;
  private final ClientWatch watch;
  private final BlockDecoder decoder;
  /** Follows the submission that is being carried out, if a recording wants that. */
  private @Nullable BatchTrace trace;
  private final WorkerPool.Share share;

  SubmissionRunner(
      Engine engine, RegionTable regions, ClientBatches batches, ClientWatch watch) {
    this.engine = engine;
    this.regions = regions;
    this.batches = batches;
    this.watch = watch;
    this.decoder =
        new BlockDecoder(engine.options().maxItems(), engine.options().maxBlockBytes());
    this.share = engine.pool().share(engine.options().maxThreadsPerClient());
  }

  /** Carries out one submission. Its leases have ended when its completion is visible. */
  void run(Submission submission) {
    StatusArea status = null;
    trace = watch.trace(submission);
    try (LeaseSet leases = new LeaseSet(engine.counters())) {
      SubmissionKind kind = submission.requireKind();
      batches.requireFree(submission.batchId());
      status = status(kind, submission, leases);
      carryOut(kind, submission, status, leases);
    } catch (RuntimeException | LinkageError | OutOfMemoryError failure) {
      refuse(submission, status, BridgeException.ofThrown(failure));
    }
  }

  private @Nullable StatusArea status(
      SubmissionKind kind, Submission submission, LeaseSet leases) {
    if (kind == SubmissionKind.CANCEL || kind == SubmissionKind.FORGET) {
      return null;
    }
    SpanRef span = submission.status();
    return new StatusArea(span, regions.require(span, true, leases));
  }

  private void refuse(
      Submission submission, @Nullable StatusArea status, BridgeException failure) {
    if (status != null) {
      status.refused(failure);
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

  private void carryOut(
      SubmissionKind kind,
      Submission submission,
      @Nullable StatusArea status,
      LeaseSet leases) {
    switch (kind) {
      case RUN ->
          run(submission, require(status), binder(submission, leases).bind(), null, leases);
      case PLAN -> plan(submission, require(status), leases);
      case PREPARE -> prepare(submission, require(status), leases);
      case RUN_PREPARED -> {
        BoundBatch prepared = batches.requirePrepared(submission.targetId());
        run(submission, require(status), prepared, null, leases, prepared.leases());
      }
      case RESUME -> resume(submission, require(status), leases);
      case CANCEL -> {
        batches.cancel(submission.targetId());
        batches.complete(submission.batchId(), ErrorCode.OK, 0);
      }
      case FORGET -> {
        batches.forget(submission.targetId());
        batches.complete(submission.batchId(), ErrorCode.OK, 0);
      }
    }
  }

  private static StatusArea require(@Nullable StatusArea status) {
    if (status == null) {
      throw new IllegalStateException("only CANCEL and FORGET have no status area");
    }
    return status;
  }

  private BatchBinder binder(Submission submission, LeaseSet leases) {
    // The block is copied at once by this thread, which alone releases regions: no lease is needed.
    MemorySegment block = regions.require(submission.block(), false, null);
    return new BatchBinder(decoder.decode(block), regions, engine.plans(), leases);
  }

  private void plan(Submission submission, StatusArea status, LeaseSet leases) {
    List<BoundItem> items = binder(submission, leases).plan();
    status.begin(items.size(), 0);
    int failed = 0;
    for (int i = 0; i < items.size(); i++) {
      switch (items.get(i)) {
        case BoundItem.Planned item ->
            status.plan(
                i,
                ErrorCode.OK,
                new PlanRecord(item.plan().label(), item.workBytes(), item.plan().outputs()));
        case BoundItem.Refused item -> {
          status.failed(i, item.failure());
          failed++;
        }
        case BoundItem.Continued item ->
            throw new IllegalStateException("PLAN continues nothing");
      }
    }
    leases.close();
    batches.complete(submission.batchId(), ErrorCode.OK, failed);
  }

  private void prepare(Submission submission, StatusArea status, LeaseSet leases) {
    try (LeaseSet own = new LeaseSet(engine.counters())) {
      BoundBatch bound = binder(submission, own).bind();
      status.begin(bound.items().size(), bound.workBytes());
      int failed = 0;
      for (int i = 0; i < bound.items().size(); i++) {
        if (bound.items().get(i) instanceof BoundItem.Refused refused) {
          status.failed(i, refused.failure());
          failed++;
        } else {
          status.done(i);
        }
      }
      batches.addPrepared(submission.batchId(), bound);
      own.retain();
      leases.close();
      batches.complete(submission.batchId(), ErrorCode.OK, failed);
    }
  }

  private void resume(Submission submission, StatusArea status, LeaseSet leases) {
    WaitingItems waiting = batches.requireWaiting(submission.targetId());
    BoundBatch bound = binder(submission, leases).resume(waiting);
    LeaseSet[] inherited = waiting.leases().toArray(new LeaseSet[0]);
    run(submission, status, bound, waiting, leases, inherited);
  }

  /** Runs a batch, here or by the workers; the run becomes a holder of all leases. */
  private void run(
      Submission submission,
      StatusArea status,
      BoundBatch batch,
      @Nullable WaitingItems origin,
      LeaseSet own,
      LeaseSet... inherited) {
    batches.requireRoomInFlight();
    SpanRef output = submission.output();
    MemorySegment span = output.isNone() ? null : regions.require(output, true, own);
    batch.requireOutputSpan(output);
    status.begin(batch.items().size(), batch.workBytes());

    List<LeaseSet> leases = new ArrayList<>(1 + inherited.length);
    leases.add(own);
    leases.addAll(List.of(inherited));
    leases.forEach(LeaseSet::retain);
    own.close();
    boolean inline = batch.workBytes() <= INLINE_BYTES && !batch.readsFiles();
    if (trace != null) {
      trace.bound(batch, !inline);
    }
    BatchExecution execution =
        new BatchExecution(
            submission.batchId(),
            origin,
            batch,
            status,
            leases,
            batches,
            inline ? watch.dispatcher() : watch.workers(),
            trace);
    ItemRuns runs = new ItemRuns(batch, status, span, trace);
    if (origin != null) {
      origin.beginResume(batch.source().items());
    }
    if (inline) {
      runs.runHere(execution);
      execution.batchEnded();
    } else {
      submit(submission, runs, execution);
    }
  }

  private void submit(Submission submission, ItemRuns runs, BatchExecution execution) {
    DecodedBatch source = runs.batch().source();
    int threads = source.threads() == 0 ? Integer.MAX_VALUE : source.threads();
    OpBatch work =
        new OpBatch(
            runs.forWorkers(),
            source.continueOnError(),
            Math.min(threads, engine.pool().threadCount()),
            execution,
            engine.pool()::wake);
    batches.addInFlight(submission.batchId(), work);
    if (submission.timeoutNanos() > 0) {
      engine.deadlines().add(work, submission.timeoutNanos());
    }
    engine.pool().submit(work, share);
  }
}
