package io.tensorbridge.batch;

import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.WorkerPool;
import java.util.concurrent.Executor;

/**
 * What all clients of a server share.
 *
 * @param options limits and habits
 * @param operations what can be asked for
 * @param plans what was planned before
 * @param pool who works
 * @param deadlines when batches must have ended
 * @param unmapper who unmaps regions
 * @param bells frees threads that wait for a client's doorbell
 * @param closer closes what clients sent in vain
 * @param counters what is held for clients
 * @param events what the flight recorder is told
 * @param itemBudget how many known items clients may have
 * @param blocks where the dispatcher copies blocks to
 */
record Engine(
    ServerOptions options,
    OpRegistry operations,
    PlanCache plans,
    WorkerPool pool,
    DeadlineQueue deadlines,
    Executor unmapper,
    BellWatch bells,
    DescriptorCloser closer,
    ServerCounters counters,
    ServerEvents events,
    ItemBudget itemBudget,
    BlockMemory blocks) {}
