package io.tensorbridge.quantize.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * Two codes in a byte, in C order; rows have an even number of columns.
 *
 * @param bytes the codes
 * @param columns of a row
 * @param values of the 16 codes
 * @param isFirstHigh whether the first of two is in the high nibble
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record NibbleCodes(MemorySegment bytes, long columns, float[] values,
    boolean isFirstHigh) implements Codes {
  @Override
  public void read(long row, int first, float[] codes) {
    long base = row * columns + first;
    for (int i = 0; i < codes.length; i++) {
      long at = base + i;
      int pair = bytes.get(JAVA_BYTE, at >>> 1);
      codes[i] = values[(at & 1) == 0 != isFirstHigh ? pair & 15 : pair >>> 4 & 15];
    }
  }
}
