package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * In which order rows are stored: row {@code i} of those stored is row {@code originals[i]} of the
 * tensor. Nobody changes the array.
 */
@SuppressWarnings("ArrayRecordComponent")
record RowOrder(int[] originals) {
  /** The order of the tensor itself. */
  static RowOrder natural(long rows) {
    int[] originals = new int[Math.toIntExact(rows)];
    Arrays.setAll(originals, row -> row);
    return new RowOrder(originals);
  }

  /**
   * By timestep; rows of one timestep keep their order.
   *
   * @param timesteps one for each row, finite and not negative
   */
  static RowOrder byTimestep(float[] timesteps) {
    long[] keys = new long[timesteps.length];
    for (int row = 0; row < keys.length; row++) {
      // the bits of floats that are not negative are ordered as they are; + 0 makes -0 one of them
      keys[row] = (long) Float.floatToIntBits(timesteps[row] + 0f) << Integer.SIZE | row;
    }
    Arrays.sort(keys);
    int[] originals = new int[keys.length];
    Arrays.setAll(originals, i -> (int) keys[i]);
    return new RowOrder(originals);
  }

  /** Reads a stored order of so many rows. */
  static RowOrder stored(StoredBytes part, long rows) {
    int[] originals = new int[Math.toIntExact(rows)];
    try (Scratch scratch = Scratch.borrow()) {
      for (int first = 0; first < originals.length; first += Scratch.CHUNK_ELEMENTS) {
        int count = Math.min(Scratch.CHUNK_ELEMENTS, originals.length - first);
        MemorySegment piece = part.read(first, count, scratch);
        MemorySegment.copy(piece, JAVA_INT_UNALIGNED, 0, originals, first, count);
      }
    }
    return new RowOrder(originals);
  }

  int rows() {
    return originals.length;
  }

  /**
   * The row behind those stored from {@code row} on that are neighbours in the tensor too.
   *
   * @param limit not beyond this row
   */
  long runEnd(long row, long limit) {
    int end = Math.toIntExact(row) + 1;
    while (end < limit && originals[end] == originals[end - 1] + 1) {
      end++;
    }
    return end;
  }

  /**
   * Where each row of the tensor is stored.
   *
   * @throws TensorException {@link ErrorCode#BAD_SHAPE} if a row is missing or there twice
   */
  RowOrder inverse() {
    int[] places = new int[originals.length];
    Arrays.fill(places, -1);
    for (int i = 0; i < originals.length; i++) {
      int row = originals[i];
      if (row < 0 || row >= places.length || places[row] >= 0) {
        throw new TensorException(
            ErrorCode.BAD_SHAPE,
            "order[" + i + "] is " + row + ", but order must hold each row from 0 to "
                + (places.length - 1) + " once; the parts are damaged or of another tensor");
      }
      places[row] = i;
    }
    return new RowOrder(places);
  }
}
