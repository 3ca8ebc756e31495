package io.tensorbridge.quantize.internal.kernel;

/** Two codes of four bits in each byte of a block of 32: element j low, element j + 16 high. */
final class Nibbles {
  /** Bytes for a block. */
  static final int BYTES = 16;

  private Nibbles() {}

  /** Packs the lower four bits of the codes of a block. */
  static void pack(int[] codes, int from, byte[] nibbles) {
    for (int j = 0; j < BYTES; j++) {
      nibbles[j] = (byte) ((codes[from + j] & 15) | (codes[from + BYTES + j] << 4));
    }
  }

  /** The lower code of a byte. */
  static int low(byte nibbles) {
    return nibbles & 15;
  }

  /** The upper code of a byte. */
  static int high(byte nibbles) {
    return (nibbles >> 4) & 15;
  }

  /** Bit 4 of each code of a block, that of element j as bit j. */
  static int fifthBits(int[] codes, int from) {
    int bits = 0;
    for (int j = 0; j < 2 * BYTES; j++) {
      bits |= ((codes[from + j] >> 4) & 1) << j;
    }
    return bits;
  }

  /** Bit 4 of the code of element j. */
  static int fifthBit(int bits, int j) {
    return ((bits >>> j) & 1) << 4;
  }
}
