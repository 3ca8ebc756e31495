package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/**
 * The ends of those runs that a part of the rows is in.
 *
 * @param first the first such run
 * @param count how many there are
 * @param ends counted from the first row of the part
 */
record RunEnds(long first, long count, MemorySegment ends) {
  private static final String RULE = "runs that rise and cover the column";

  /**
   * Looks for the runs, by binary search, and copies their ends.
   *
   * @param ends of all runs
   * @param begin the first row
   * @param rows from there
   * @param arena of the copy
   * @throws io.tensorbridge.FormatException if they don't rise or cover the rows
   */
  static RunEnds of(ArrowColumn ends, long begin, long rows, Arena arena, Place place) {
    if (ends.nullCount() > 0) {
      throw place.broken(RULE, ends.nullCount() + " ends are null");
    }
    if (rows == 0) {
      return new RunEnds(0, 0, MemorySegment.NULL);
    }
    long first = runAt(ends, begin);
    long last = runAt(ends, begin + rows - 1);
    if (last == ends.length() || last < first) {
      throw place.broken(RULE, "no run holds row " + (begin + rows - 1));
    }
    long count = last - first + 1;
    int bits = (int) ends.layout().valueBits();
    MemorySegment copy = arena.allocate(count * bits / Byte.SIZE, Long.BYTES);
    long before = 0;
    for (long i = 0; i < count; i++) {
      long end = Math.min(ends.integer(first + i) - begin, rows);
      if (end <= before) {
        throw place.broken(RULE, "run " + (first + i) + " ends with row "
            + ends.integer(first + i) + ", not behind the runs ahead of it");
      }
      before = end;
      set(copy, i, end, bits);
    }
    return new RunEnds(first, count, copy);
  }

  private static long runAt(ArrowColumn ends, long row) {
    long low = 0;
    long high = ends.length();
    while (low < high) {
      long middle = (low + high) >>> 1;
      if (ends.integer(middle) > row) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  private static void set(MemorySegment copy, long index, long end, int bits) {
    switch (bits) {
      case 16 ->
          copy.set(
              ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN),
              index * Short.BYTES, (short) end);
      case 32 ->
          copy.set(
              ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN),
              index * Integer.BYTES, (int) end);
      default ->
          copy.set(
              ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN), index * Long.BYTES, end);
    }
  }

  /** The ends as a column. */
  ArrowColumn column(ArrowField field) {
    return ArrowColumn.of(
        field, count, 0, List.of(MemorySegment.NULL, ends), List.of(), Optional.empty());
  }
}
