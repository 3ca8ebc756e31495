package io.tensorbridge.op;

import io.tensorbridge.BridgeClosedException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A fixed set of daemon threads that share out {@link Work}; thread-safe.
 *
 * <p>Each thread takes one step of each open work in turn, so that a long work can't keep a short
 * one waiting for more than a step.
 */
public final class WorkerPool implements AutoCloseable {
  /** Something that any number of threads can do together, step by step. */
  public interface Work {
    /**
     * Does one step, if there is one to do now.
     *
     * @return false if all steps are taken or wait for others to end
     */
    boolean step();

    /**
     * Whether everything is done.
     *
     * @return true for ever after the last step has ended
     */
    boolean isEnded();
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Thread> threads = new ArrayList<>();
  private volatile List<Work> open = List.of();
  /** Counts what may give a thread something to do. */
  private final AtomicLong changes = new AtomicLong();
  /** Threads that wait for a change, or are about to; raised before they look a last time. */
  private final AtomicInteger sleepers = new AtomicInteger();
  private volatile boolean closed;

  /**
   * Starts the threads.
   *
   * @param threadCount at least 1
   * @param name prefix of the threads' names
   */
  public WorkerPool(int threadCount, String name) {
    for (int i = 0; i < Math.max(1, threadCount); i++) {
      Thread thread = Thread.ofPlatform().daemon().name(name + "-" + i).unstarted(this::serve);
      threads.add(thread);
    }
    threads.forEach(Thread::start);
  }

  /**
   * The number of threads.
   *
   * @return at least 1
   */
  public int threadCount() {
    return threads.size();
  }

  /**
   * Opens a work to the threads; returns at once.
   *
   * @param work the work; it leaves the pool when it has ended
   * @throws BridgeClosedException if the pool is closed
   */
  public void submit(Work work) {
    lock.lock();
    try {
      if (closed) {
        throw new BridgeClosedException("the worker pool is closed");
      }
      List<Work> next = openWorks();
      next.add(work);
      open = next;
    } finally {
      lock.unlock();
    }
    wake();
  }

  /**
   * Whether no work is open.
   *
   * @return true if all threads are idle, or will be after their present step
   */
  public boolean isIdle() {
    for (Work work : open) {
      if (!work.isEnded()) {
        return false;
      }
    }
    return true;
  }

  /** Tells the threads that an open work has new steps to take, or has ended. */
  public void wake() {
    changes.incrementAndGet();
    if (sleepers.get() > 0) {
      lock.lock();
      try {
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /**
   * Works beside the threads until a submitted work has ended.
   *
   * @param work the work to wait for
   */
  public void help(Work work) {
    while (!work.isEnded()) {
      long seen = changes.get();
      if (!work.step() && !work.isEnded()) {
        awaitChange(seen);
      }
    }
  }

  private void serve() {
    int turn = 0;
    while (!closed) {
      long seen = changes.get();
      turn++;
      if (!stepAny(turn)) {
        awaitChange(seen);
      }
    }
  }

  private boolean stepAny(int turn) {
    List<Work> works = open;
    for (int i = 0; i < works.size(); i++) {
      Work work = works.get(Integer.remainderUnsigned(turn + i, works.size()));
      try {
        if (work.step()) {
          return true;
        }
      } catch (Throwable defect) {
        abandon(work, defect);
        return true;
      }
    }
    return false;
  }

  /** A work that throws is a defect; it must not take the thread from the others. */
  private void abandon(Work work, Throwable defect) {
    lock.lock();
    try {
      List<Work> next = openWorks();
      next.remove(work);
      open = next;
    } finally {
      lock.unlock();
    }
    System.getLogger(WorkerPool.class.getName())
        .log(System.Logger.Level.ERROR, "a work threw and is abandoned", defect);
  }

  private List<Work> openWorks() {
    List<Work> works = new ArrayList<>(open.size() + 1);
    for (Work candidate : open) {
      if (!candidate.isEnded()) {
        works.add(candidate);
      }
    }
    return works;
  }

  private void awaitChange(long seen) {
    lock.lock();
    sleepers.incrementAndGet();
    try {
      open = openWorks();
      while (changes.get() == seen && !closed) {
        changed.awaitUninterruptibly();
      }
    } finally {
      sleepers.decrementAndGet();
      lock.unlock();
    }
  }

  /** Ends the threads after their present steps; open works are left where they stand. */
  @Override
  public void close() {
    closed = true;
    wake();
  }
}
