package io.tensorbridge.quantize.checkpoint;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Which group a column belongs to. */
sealed interface ColumnGroups {
  /** The index of the group of a column. */
  int of(int column);

  /** Neighbours. */
  record Even(int groupColumns) implements ColumnGroups {
    @Override
    public int of(int column) {
      return column / groupColumns;
    }
  }

  /** As a list tells ({@code g_idx}, of activation order), checked. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Listed(int[] groups) implements ColumnGroups {
    /**
     * Reads a list.
     *
     * @param bytes 32-bit integers, one for each column
     */
    static Listed of(String tensor, byte[] bytes, int groupCount) {
      int[] groups =
          MemorySegment.ofArray(bytes).toArray(ValueLayout.JAVA_INT_UNALIGNED);
      for (int i = 0; i < groups.length; i++) {
        if (groups[i] < 0 || groups[i] >= groupCount) {
          throw CheckpointEntries.broken(
              tensor,
              "group indexes below the number of groups",
              "has " + groups[i] + " for column " + i + " of " + groupCount + " groups");
        }
      }
      return new Listed(groups);
    }

    @Override
    public int of(int column) {
      return groups[column];
    }
  }
}
