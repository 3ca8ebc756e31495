package io.tensorbridge.arrow.internal.cdata;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The exports that are not released yet, by the number in their structs' {@code private_data}.
 *
 * <p>The only static state of this package: callbacks of C come with nothing but that number. A
 * number is never given twice, so that a struct that is released again finds nothing.
 */
public final class Exports {
  private static final ConcurrentHashMap<Long, Exported> LIVE = new ConcurrentHashMap<>();
  private static final AtomicLong NEXT = new AtomicLong(1);

  private Exports() {}

  /** A number that no export has had. */
  static long newId() {
    return NEXT.getAndIncrement();
  }

  static void add(long id, Exported exported) {
    LIVE.put(id, exported);
  }

  static @Nullable Exported find(long id) {
    return LIVE.get(id);
  }

  static void remove(long id) {
    LIVE.remove(id);
  }

  /**
   * The exports of which some struct is not released.
   *
   * @return a count; a batch and its columns are one
   */
  public static int liveCount() {
    return LIVE.size();
  }
}
