package io.tensorbridge.quantize.internal.kernel;

/**
 * Two bits each of the 256 codes of a super-block in 64 bytes, as {@code q2_K} and {@code q3_K} have
 * them: byte {@code 32 * h + i} holds elements {@code i}, {@code i + 32}, {@code i + 64} and {@code i +
 * 96} of half {@code h}, lowest bits first.
 */
final class TwoBits {
  /** Elements at the same place in consecutive bytes. */
  static final int RUN_ELEMENTS = SuperBlock.ELEMENTS / 8;

  /** Runs in a half. */
  static final int PARTS = 4;

  static final int HALF_ELEMENTS = PARTS * RUN_ELEMENTS;

  private TwoBits() {}

  /** Packs the low two bits of codes. */
  static void pack(byte[] codes, byte[] bytes, int at) {
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < RUN_ELEMENTS; i++) {
        int packed = 0;
        for (int part = 0; part < PARTS; part++) {
          int code = codes[half * HALF_ELEMENTS + part * RUN_ELEMENTS + i];
          packed |= (code & 3) << (2 * part);
        }
        bytes[at + half * RUN_ELEMENTS + i] = (byte) packed;
      }
    }
  }

  /** The byte that holds an element. */
  static int place(int element) {
    return element / HALF_ELEMENTS * RUN_ELEMENTS + element % RUN_ELEMENTS;
  }

  /** The lowest bit of an element in its byte. */
  static int shift(int element) {
    return element / RUN_ELEMENTS % PARTS * 2;
  }
}
