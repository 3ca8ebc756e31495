package io.tensorbridge.quantize.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Unsigned 4-bit codes of a transposed matrix, eight output channels in a word, whose nibbles, from
 * the lowest, hold channels 0, 2, 4, 6, 1, 3, 5 and 7 (AWQ's {@code qweight} for GEMM).
 *
 * @param words {@code (columns, rows / 8)} in C order
 * @param wordsPerColumn {@code rows / 8}
 */
record AwqColumns(MemorySegment words, long wordsPerColumn) implements Codes {
  static final int PER_WORD = 8;

  /** Where in a word the code of an output channel begins. */
  static int shift(long row) {
    int channel = (int) (row % PER_WORD);
    int nibble = (channel & 1) * (PER_WORD / 2) + (channel >>> 1);
    return 4 * nibble;
  }

  @Override
  public void read(long row, int first, float[] codes) {
    int shift = shift(row);
    long index = first * wordsPerColumn + row / PER_WORD;
    for (int i = 0; i < codes.length; i++, index += wordsPerColumn) {
      codes[i] = words.getAtIndex(JAVA_INT_UNALIGNED, index) >>> shift & 15;
    }
  }
}
