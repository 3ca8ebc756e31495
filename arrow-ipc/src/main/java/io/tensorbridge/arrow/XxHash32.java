package io.tensorbridge.arrow;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The checksum of LZ4 frames ({@code xxhash_spec.md}, seed 0). */
final class XxHash32 {
  private static final int PRIME_1 = 0x9E3779B1;
  private static final int PRIME_2 = 0x85EBCA77;
  private static final int PRIME_3 = 0xC2B2AE3D;
  private static final int PRIME_4 = 0x27D4EB2F;
  private static final int PRIME_5 = 0x165667B1;
  private static final int FIRST_LANE = 0x24234428; // the sum of the first two
  private static final int STRIPE = 16;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private XxHash32() {}

  static int of(MemorySegment bytes) {
    long at = 0;
    int hash = PRIME_5;
    if (bytes.byteSize() >= STRIPE) {
      int first = FIRST_LANE;
      int second = PRIME_2;
      int third = 0;
      int fourth = -PRIME_1;
      for (; at <= bytes.byteSize() - STRIPE; at += STRIPE) {
        first = round(first, bytes.get(INT, at));
        second = round(second, bytes.get(INT, at + 4));
        third = round(third, bytes.get(INT, at + 8));
        fourth = round(fourth, bytes.get(INT, at + 12));
      }
      hash = Integer.rotateLeft(first, 1) + Integer.rotateLeft(second, 7)
          + Integer.rotateLeft(third, 12) + Integer.rotateLeft(fourth, 18);
    }
    hash += (int) bytes.byteSize();
    for (; at <= bytes.byteSize() - Integer.BYTES; at += Integer.BYTES) {
      hash = Integer.rotateLeft(hash + bytes.get(INT, at) * PRIME_3, 17) * PRIME_4;
    }
    for (; at < bytes.byteSize(); at++) {
      int value = bytes.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
      hash = Integer.rotateLeft(hash + value * PRIME_5, 11) * PRIME_1;
    }
    hash = (hash ^ hash >>> 15) * PRIME_2;
    hash = (hash ^ hash >>> 13) * PRIME_3;
    return hash ^ hash >>> 16;
  }

  private static int round(int state, int lane) {
    return Integer.rotateLeft(state + lane * PRIME_2, 13) * PRIME_1;
  }
}
