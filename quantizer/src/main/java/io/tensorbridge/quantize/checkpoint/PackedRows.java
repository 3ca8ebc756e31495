package io.tensorbridge.quantize.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Unsigned codes of 1 to 8 bits, those of a row packed along it into 32-bit words, low bits first and
 * across word ends (compressed-tensors, {@code pack_to_int32}).
 *
 * @param words row-major
 * @param wordsPerRow how many
 * @param bits of a code
 */
record PackedRows(MemorySegment words, long wordsPerRow, int bits) implements Codes {
  @Override
  public void read(long row, int first, float[] codes) {
    long base = row * wordsPerRow;
    int mask = (1 << bits) - 1;
    long bit = (long) first * bits;
    for (int i = 0; i < codes.length; i++, bit += bits) {
      long index = base + (bit >>> 5);
      int shift = (int) bit & 31;
      int code = words.getAtIndex(JAVA_INT_UNALIGNED, index) >>> shift;
      if (shift + bits > 32) {
        code |= words.getAtIndex(JAVA_INT_UNALIGNED, index + 1) << (32 - shift);
      }
      codes[i] = code & mask;
    }
  }
}
