package io.tensorbridge.op;

import io.tensorbridge.BridgeClosedException;
import java.util.ArrayList;
import java.util.List;
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
  private long changes;
  private boolean closed;

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
      List<Work> next = new ArrayList<>(open.size() + 1);
      for (Work candidate : open) {
        if (!candidate.isEnded()) {
          next.add(candidate);
        }
      }
      next.add(work);
      open = List.copyOf(next);
      signal();
    } finally {
      lock.unlock();
    }
  }

  /** Tells the threads that an open work has new steps to take, or has ended. */
  public void wake() {
    lock.lock();
    try {
      signal();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Works beside the threads until a submitted work has ended.
   *
   * @param work the work to wait for
   */
  public void help(Work work) {
    while (!work.isEnded()) {
      long seen = changesSeen();
      if (!work.step() && !work.isEnded()) {
        awaitChange(seen);
      }
    }
  }

  private void serve() {
    int turn = 0;
    while (true) {
      long seen = changesSeen();
      if (seen < 0) {
        return;
      }
      List<Work> works = open;
      boolean stepped = false;
      for (int i = 0; i < works.size() && !stepped; i++) {
        turn++;
        stepped = works.get(Integer.remainderUnsigned(turn, works.size())).step();
      }
      if (!stepped) {
        awaitChange(seen);
      }
    }
  }

  private long changesSeen() {
    lock.lock();
    try {
      return closed ? -1 : changes;
    } finally {
      lock.unlock();
    }
  }

  private void awaitChange(long seen) {
    lock.lock();
    try {
      open = open.stream().filter(work -> !work.isEnded()).toList();
      while (changes == seen && !closed) {
        changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  private void signal() {
    changes++;
    changed.signalAll();
  }

  /** Ends the threads after their present steps; open works are left where they stand. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      signal();
    } finally {
      lock.unlock();
    }
  }
}
