package io.tensorbridge.quantize.internal.kernel;

/** Two codes of four bits in a byte, for runs that begin with a whole byte. */
final class ScalarNibbles {
  private ScalarNibbles() {}

  /** The bytes that some codes take. */
  static int byteLength(int codes) {
    return (codes + 1) / 2;
  }

  /**
   * Packs codes, the first of each pair in the high nibble; beside an odd last code the low nibble
   * stays as it is in {@code codes[count]}.
   */
  static void packHighFirst(byte[] codes, int count, byte[] packed) {
    for (int i = 0; i < byteLength(count); i++) {
      packed[i] = (byte) ((codes[2 * i] << 4) | (codes[2 * i + 1] & 15));
    }
  }

  /** Packs codes, the first of each pair in the low nibble; the rest as above. */
  static void packLowFirst(byte[] codes, int count, byte[] packed) {
    for (int i = 0; i < byteLength(count); i++) {
      packed[i] = (byte) ((codes[2 * i] & 15) | (codes[2 * i + 1] << 4));
    }
  }

  /** Unpacks codes, the first of each pair from the low nibble; an even number of them. */
  static void unpackLowFirst(byte[] packed, int byteCount, byte[] codes) {
    for (int i = 0; i < byteCount; i++) {
      codes[2 * i] = (byte) (packed[i] & 15);
      codes[2 * i + 1] = (byte) ((packed[i] >> 4) & 15);
    }
  }
}
