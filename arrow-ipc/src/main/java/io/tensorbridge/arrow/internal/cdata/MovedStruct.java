package io.tensorbridge.arrow.internal.cdata;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** A struct that was taken over from its producer, until it is released; thread-safe. */
public final class MovedStruct {
  private static final AtomicInteger LIVE = new AtomicInteger();

  private final StructKind kind;
  private final long address;
  private final AtomicBoolean released = new AtomicBoolean();

  private MovedStruct(StructKind kind, long address) {
    this.kind = kind;
    this.address = address;
  }

  /**
   * Moves a struct: the one at the address is marked as released.
   *
   * @param kind what it is
   * @param source the address of one that is not released
   * @return the struct, released by the caller
   */
  public static MovedStruct take(StructKind kind, long source) {
    MovedStruct moved = new MovedStruct(kind, CCalls.allocate(kind.byteSize()));
    Memory.at(moved.address, kind.byteSize()).copyFrom(Memory.at(source, kind.byteSize()));
    Memory.setWord(source + kind.release(), 0);
    LIVE.incrementAndGet();
    return moved;
  }

  /**
   * Where the struct is now.
   *
   * @return an address, valid until {@link #release}
   */
  public long address() {
    return address;
  }

  /** Calls the producer's release, once. */
  public void release() {
    if (!released.compareAndSet(false, true)) {
      return;
    }
    try {
      CCalls.release(Memory.word(address + kind.release()), address);
    } finally {
      CCalls.free(address);
      LIVE.decrementAndGet();
    }
  }

  /**
   * The structs that were taken over and are not released.
   *
   * @return a count
   */
  public static int liveCount() {
    return LIVE.get();
  }
}
