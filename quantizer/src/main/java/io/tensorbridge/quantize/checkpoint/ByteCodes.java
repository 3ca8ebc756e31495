package io.tensorbridge.quantize.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * One byte for each code, in C order, whose value a table tells: signed integers, or FP8.
 *
 * @param bytes the codes
 * @param columns of a row
 * @param values of the 256 bytes
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record ByteCodes(MemorySegment bytes, long columns, float[] values) implements Codes {
  @Override
  public void read(long row, int first, float[] codes) {
    long base = row * columns + first;
    for (int i = 0; i < codes.length; i++) {
      codes[i] = values[bytes.get(JAVA_BYTE, base + i) & 0xff];
    }
  }
}
