package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * The packing of hqq: a tensor is cut into as many equal planes as a byte holds codes, and a byte
 * holds one code of each plane, that of the first plane in the highest bits.
 *
 * @param bits bits of a code: 2, 4 or 8
 * @param planeElements elements of a plane, a multiple of 8
 */
record HqqPlanes(int bits, long planeElements) {
  static HqqPlanes of(HqqScheme scheme, long elements) {
    return new HqqPlanes(scheme.bits(), elements / scheme.codesPerByte());
  }

  int count() {
    return Byte.SIZE / bits;
  }

  private int shift(int plane) {
    return Byte.SIZE - bits * (plane + 1);
  }

  /**
   * Adds the codes of one plane to bytes.
   *
   * @param plane its index; the first overwrites what is there
   * @param codes a byte for each
   * @param packed as many bytes, a multiple of 8
   */
  void pack(int plane, MemorySegment codes, MemorySegment packed) {
    int shift = shift(plane);
    boolean isFirst = plane == 0;
    for (long i = 0; i < packed.byteSize(); i += Long.BYTES) {
      long there = isFirst ? 0 : packed.get(JAVA_LONG_UNALIGNED, i);
      long added = codes.get(JAVA_LONG_UNALIGNED, i) << shift;
      packed.set(JAVA_LONG_UNALIGNED, i, there | added);
    }
  }

  /**
   * Takes the codes of one plane out of bytes.
   *
   * @param plane its index
   * @param packed as many bytes as there are codes, a multiple of 8
   * @param codes receives a byte for each
   */
  void unpack(int plane, MemorySegment packed, MemorySegment codes) {
    int shift = shift(plane);
    long mask = ((1L << bits) - 1) * 0x0101010101010101L;
    for (long i = 0; i < codes.byteSize(); i += Long.BYTES) {
      codes.set(
          JAVA_LONG_UNALIGNED, i, packed.get(JAVA_LONG_UNALIGNED, i) >>> shift & mask);
    }
  }
}
