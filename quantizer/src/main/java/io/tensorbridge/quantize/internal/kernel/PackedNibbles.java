package io.tensorbridge.quantize.internal.kernel;

/** Packs strips of codes of four bits in place, two neighbours in a byte, the first in its low half. */
final class PackedNibbles {
  private PackedNibbles() {}

  /** Packs an even number of codes into half as many bytes. */
  static void pack(byte[] codes, int count) {
    for (int i = 0; i < count / 2; i++) {
      codes[i] = (byte) (codes[2 * i] | codes[2 * i + 1] << 4);
    }
  }

  /** Unpacks an even number of codes from half as many bytes. */
  static void unpack(byte[] codes, int count) {
    for (int i = count / 2 - 1; i >= 0; i--) {
      int packed = codes[i];
      codes[2 * i] = (byte) (packed & 15);
      codes[2 * i + 1] = (byte) (packed >> 4 & 15);
    }
  }
}
