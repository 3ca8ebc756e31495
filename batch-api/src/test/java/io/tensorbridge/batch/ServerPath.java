package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.batch.ops.NoopProvider;
import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.ItemRecord;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.batch.wire.Span;
import io.tensorbridge.batch.wire.StatusLayout;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.batch.wire.TensorDescriptor;
import io.tensorbridge.batch.wire.Utf8;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.WorkerPool;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.PeerCredentials;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The way of a submission through the server, in one thread and without a socket: what a crossing
 * costs between reading {@code sq_tail} and storing {@code cq_tail}.
 */
final class ServerPath implements AutoCloseable {
  static final int WORK = 1;
  static final int INPUT = 2;
  static final int GENERATION = 7;
  private static final int ENTRIES = 64;
  private static final int MOST_ITEMS = 4096;
  private static final long BLOCK = 0;
  private static final long BLOCK_BYTES = 1 << 20;
  private static final long STATUS = BLOCK_BYTES;
  private static final long STATUS_BYTES = StatusLayout.byteLength(MOST_ITEMS) + (64 << 10);

  final SharedRegion control =
      SharedRegion.create("control", ControlLayout.byteLength(ENTRIES), Access.READWRITE);
  final SharedRegion work =
      SharedRegion.create("work", BLOCK_BYTES + STATUS_BYTES, Access.READWRITE);
  final SharedRegion input;
  final ServerCounters counters = new ServerCounters();
  final ItemBudget budget = new ItemBudget(1 << 20);
  final RegionTable regions;
  final SubmissionRunner runner;
  private final BellWatch bells = BellWatch.start();
  private final ServerEvents events = new ServerEvents();
  private final WorkerPool pool = new WorkerPool(1, "path");
  private final Doorbell doorbell = Doorbell.create();
  private final MemorySegment words = control.region().segment();
  private final SubmissionRing submissions;
  private final CompletionRing completions;
  private int tail;

  ServerPath(long inputBytes) {
    input = SharedRegion.create("input", inputBytes, Access.READ);
    ServerOptions options = ServerOptions.defaults();
    OpRegistry operations = new OpRegistry(List.of(new NoopProvider()));
    Engine engine =
        new Engine(
            options, operations, new PlanCache(operations, 1 << 20), pool, new DeadlineQueue(),
            Runnable::run, bells, new DescriptorCloser(), counters, events, budget,
            new BlockMemory());
    ClientWatch watch = new ClientWatch(1, new PeerCredentials(1, 1, 1), events);
    regions = new RegionTable(options, counters, watch, Runnable::run, id -> {});
    register(WORK, work);
    register(INPUT, input);
    ControlLayout.initialize(words, ENTRIES);
    submissions = new SubmissionRing(words, ENTRIES);
    completions = new CompletionRing(words, ENTRIES);
    PeerBell bell = new PeerBell(doorbell, bells, () -> {});
    ClientBatches batches =
        new ClientBatches(1024, 16 << 20, counters, completions, bell, watch, () -> {});
    runner = new SubmissionRunner(engine, regions, batches, watch);
  }

  private void register(int id, SharedRegion region) {
    regions.register(
        id, GENERATION, RegionAccess.of(region.access()), region.byteSize(), region.fd());
  }

  /** Writes a block with one input for each item, and gives its length. */
  long block(String operation, String names, List<TensorLayout> inputs) {
    return block(operation, names, inputs, "");
  }

  /** The same with a second set of options, which no item uses. */
  long block(
      String operation, String names, List<TensorLayout> inputs, String unusedOptions) {
    byte[] unused = unusedOptions.getBytes(StandardCharsets.UTF_8);
    MemorySegment block = work.region().segment();
    byte[] name = operation.getBytes(StandardCharsets.UTF_8);
    byte[] namesText = names.getBytes(StandardCharsets.UTF_8);
    long operationAt = BatchBlock.BYTES;
    long tableAt = (operationAt + name.length + 7) & -8;
    long unusedAt = tableAt + 2 * BatchBlock.OPTION_SET_BYTES;
    long itemsAt = (unusedAt + unused.length + 7) & -8;
    long end = itemsAt;
    for (TensorLayout layout : inputs) {
      long next = end + ItemRecord.BYTES;
      next += TensorDescriptor.write(block, next, INPUT, GENERATION, layout);
      ItemRecord.write(block, end, next - end, 1, 0, 0, 0);
      end = next;
    }
    long length = (end + namesText.length + 7) & -8;
    BatchBlock.write(
        block,
        BLOCK,
        new BatchBlock.Head(
            length, inputs.size(), 0, 0, 2, operationAt, name.length, tableAt, itemsAt,
            end - itemsAt, end, namesText.length));
    BatchBlock.writeOptionSet(block, BLOCK, 0, itemsAt, 0);
    BatchBlock.writeOptionSet(block, BLOCK, 1, unusedAt, unused.length);
    Utf8.write(block, unusedAt, unused);
    Utf8.write(block, operationAt, name);
    Utf8.write(block, end, namesText);
    return length;
  }

  /** Submits as a client does, without publishing it. */
  void write(SubmissionKind kind, long batchId, long target, long blockLength) {
    long at = ControlLayout.submissionOffset(ENTRIES, tail);
    SubmissionEntry.write(words, at, batchId, kind, target, 0);
    if (blockLength > 0) {
      Span.write(words, SubmissionEntry.blockOffset(at), WORK, GENERATION, BLOCK, blockLength);
    }
    Span.write(words, SubmissionEntry.statusOffset(at), WORK, GENERATION, STATUS, STATUS_BYTES);
  }

  /** Publishes what was written, and carries it out as the dispatcher does. */
  void serve() {
    ControlLayout.storeSubmissionTail(words, ++tail);
    if (submissions.waiting(completions) != 1) {
      throw new IllegalStateException("one submission waits");
    }
    runner.run(submissions.take());
    ControlLayout.storeCompletionHead(words, tail);
  }

  int code(int item) {
    return StatusLayout.code(work.region().segment(), StatusLayout.itemOffset(STATUS, item));
  }

  @Override
  public void close() {
    runner.close();
    regions.close();
    pool.close();
    bells.close();
    events.close();
    doorbell.close();
    input.close();
    work.close();
    control.close();
  }
}
