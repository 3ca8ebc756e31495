package io.tensorbridge.quantize.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Unsigned codes of 2, 3, 4 or 8 bits of a transposed matrix, those of one output channel packed into
 * the 32-bit words of one column, low bits first and across word ends (GPTQ's {@code qweight}).
 *
 * @param words {@code (columns * bits / 32, rows)} in C order
 * @param rows output channels
 * @param bits of a code
 */
record PackedColumns(MemorySegment words, long rows, int bits) implements Codes {
  @Override
  public void read(long row, int first, float[] codes) {
    int mask = (1 << bits) - 1;
    long bit = (long) first * bits;
    for (int i = 0; i < codes.length;) {
      long index = (bit >>> 5) * rows + row;
      int shift = (int) bit & 31;
      int word = words.getAtIndex(JAVA_INT_UNALIGNED, index);
      while (i < codes.length && shift + bits <= 32) {
        codes[i++] = word >>> shift & mask;
        shift += bits;
        bit += bits;
      }
      if (i < codes.length && shift < 32) {
        int next = words.getAtIndex(JAVA_INT_UNALIGNED, index + rows);
        codes[i++] = (word >>> shift | next << (32 - shift)) & mask;
        bit += bits;
      }
    }
  }
}
