package io.tensorbridge.op;

import io.tensorbridge.BridgeClosedException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of daemon threads that share out {@link Work}; thread-safe.
 *
 * <p>Works are submitted to a {@link Share}. Each thread takes one step of each share in turn, and
 * a share gives it one of its works in turn: a share with many works, or long ones, can't keep
 * another one waiting for more than a step of each share.
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

  /**
   * One of those between whom the threads take turns, such as a client of a server; thread-safe.
   */
  public static final class Share {
    private final int maxThreads;
    private final AtomicInteger threads = new AtomicInteger();
    private final AtomicInteger turn = new AtomicInteger();

    private Share(int maxThreads) {
      this.maxThreads = Math.max(1, maxThreads);
    }

    private boolean enter() {
      for (int now = threads.get(); now < maxThreads; now = threads.get()) {
        if (threads.compareAndSet(now, now + 1)) {
          return true;
        }
      }
      return false;
    }

    /** Whether a thread that was refused could enter now. */
    private boolean leave() {
      return threads.getAndDecrement() == maxThreads;
    }
  }

  /**
   * A share with open works.
   *
   * @param order counts the shares in the order in which they got works: the order of turns
   */
  private record Open(Share share, long order, List<Work> works) {
    boolean isOpen() {
      for (int i = 0; i < works.size(); i++) {
        if (!works.get(i).isEnded()) {
          return true;
        }
      }
      return false;
    }
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Thread> threads = new ArrayList<>();
  private final Share own = new Share(Integer.MAX_VALUE);
  /** Each share with works, in rising order. */
  private volatile List<Open> open = List.of();
  private long nextOrder;
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
   * A new share.
   *
   * @param maxThreads how many threads may work for it at once
   * @return a share without works, which costs nothing
   */
  public Share share(int maxThreads) {
    return new Share(maxThreads);
  }

  /**
   * Opens a work to the threads, in the share of all who have none of their own; returns at once.
   *
   * @param work the work; it leaves the pool when it has ended
   * @throws BridgeClosedException if the pool is closed
   */
  public void submit(Work work) {
    submit(work, own);
  }

  /**
   * Opens a work to the threads; returns at once.
   *
   * @param work the work; it leaves the pool when it has ended
   * @param share whose it is, of this pool
   * @throws BridgeClosedException if the pool is closed
   */
  public void submit(Work work, Share share) {
    lock.lock();
    try {
      if (closed) {
        throw new BridgeClosedException("the worker pool is closed");
      }
      open = with(work, share);
    } finally {
      lock.unlock();
    }
    wake();
  }

  private List<Open> with(Work work, Share share) {
    List<Open> next = new ArrayList<>(open.size() + 1);
    boolean added = false;
    for (Open candidate : open) {
      if (candidate.share == share) {
        List<Work> works = unended(candidate.works);
        works.add(work);
        next.add(new Open(share, candidate.order, works));
        added = true;
      } else if (candidate.isOpen()) {
        next.add(candidate);
      }
    }
    if (!added) {
      next.add(new Open(share, nextOrder++, List.of(work)));
    }
    return next;
  }

  /**
   * Whether no work is open.
   *
   * @return true if all threads are idle, or will be after their present step
   */
  public boolean isIdle() {
    // A spinning thread asks this all the time: no iterator.
    List<Open> candidates = open;
    for (int i = 0; i < candidates.size(); i++) {
      if (candidates.get(i).isOpen()) {
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
    long served = -1;
    while (!closed) {
      long seen = changes.get();
      long next = stepAny(served);
      if (next < 0) {
        awaitChange(seen);
      } else {
        served = next;
      }
    }
  }

  /**
   * Takes a step of the first share after one that was served.
   *
   * @param served its order
   * @return the order of the share that a step was taken of, or -1 if there is none to take
   */
  private long stepAny(long served) {
    List<Open> shares = open;
    int first = 0;
    while (first < shares.size() && shares.get(first).order <= served) {
      first++;
    }
    for (int i = 0; i < shares.size(); i++) {
      Open next = shares.get((first + i) % shares.size());
      if (next.share.enter()) {
        boolean stepped;
        try {
          stepped = stepOneOf(next);
        } finally {
          leave(next.share);
        }
        if (stepped) {
          return next.order;
        }
      }
    }
    return -1;
  }

  private boolean stepOneOf(Open next) {
    List<Work> works = next.works;
    int turn = next.share.turn.getAndIncrement();
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

  /** Where there is one share, this thread takes its next step itself. */
  private void leave(Share share) {
    if (share.leave() && open.size() > 1) {
      wake();
    }
  }

  /** A work that throws is a defect; it must not take the thread from the others. */
  private void abandon(Work work, Throwable defect) {
    lock.lock();
    try {
      open = without(work);
    } finally {
      lock.unlock();
    }
    System.getLogger(WorkerPool.class.getName())
        .log(System.Logger.Level.ERROR, "a work threw and is abandoned", defect);
  }

  private List<Open> without(@Nullable Work abandoned) {
    List<Open> next = new ArrayList<>(open.size());
    for (Open candidate : open) {
      List<Work> works = unended(candidate.works);
      works.remove(abandoned);
      if (!works.isEmpty()) {
        next.add(new Open(candidate.share, candidate.order, works));
      }
    }
    return next;
  }

  private static List<Work> unended(List<Work> works) {
    List<Work> left = new ArrayList<>(works.size() + 1);
    for (Work work : works) {
      if (!work.isEnded()) {
        left.add(work);
      }
    }
    return left;
  }

  private void awaitChange(long seen) {
    lock.lock();
    sleepers.incrementAndGet();
    try {
      open = without(null);
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
