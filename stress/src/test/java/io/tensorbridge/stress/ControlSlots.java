package io.tensorbridge.stress;

import io.tensorbridge.Access;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/** Control regions in one shared mapping: a mapping for each state of a test would be too slow. */
public final class ControlSlots {
  /** The smallest ring. */
  public static final int ENTRIES = ControlLayout.MIN_ENTRIES;

  private static final long STRIDE = 2048;
  /** More than jcstress has states at a time. */
  private static final int COUNT = 1 << 15;

  private static final MemorySegment ALL =
      SharedRegion.create("jcstress", STRIDE * COUNT, Access.READWRITE).region().segment();
  private static final AtomicInteger NEXT = new AtomicInteger();

  private ControlSlots() {}

  /** A control region that nobody uses any more, as it is when a connection begins. */
  public static MemorySegment fresh() {
    long slot = NEXT.getAndIncrement() & (COUNT - 1);
    MemorySegment control = ALL.asSlice(slot * STRIDE, ControlLayout.byteLength(ENTRIES));
    control.fill((byte) 0);
    ControlLayout.initialize(control, ENTRIES);
    return control;
  }
}
