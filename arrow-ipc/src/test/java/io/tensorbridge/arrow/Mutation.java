package io.tensorbridge.arrow;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Damaged copies of files. */
public final class Mutation {
  private static final int[] EXTREMES = {
      0, 1, -1, 2, 4, 7, 8, 64, 255, 65535, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 24, -8
  };

  private Mutation() {}

  /** One to three changes, at places that are no plain values more often than not. */
  public static byte[] of(byte[] original, SplittableRandom random) {
    byte[] bytes = original.clone();
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes && bytes.length > 16; i++) {
      int at = random.nextInt(bytes.length - 8);
      ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      switch (random.nextInt(7)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> buffer.putInt(at / 4 * 4, EXTREMES[random.nextInt(EXTREMES.length)]);
        case 3 -> buffer.putLong(at / 8 * 8, random.nextLong() >> random.nextInt(64));
        case 4 -> buffer.putShort(at / 2 * 2, (short) random.nextInt(-3, 70));
        case 5 -> {
          int from = random.nextInt(bytes.length - 8);
          int length = 1 + random.nextInt(Math.min(64, bytes.length - Math.max(from, at)));
          System.arraycopy(original, from % (original.length - length), bytes, at, length);
        }
        default -> {
          if (random.nextInt(4) == 0) {
            bytes = Arrays.copyOf(bytes, 8 + random.nextInt(bytes.length - 8));
          } else {
            buffer.putInt(at / 4 * 4, buffer.getInt(at / 4 * 4) + random.nextInt(-9, 10));
          }
        }
      }
    }
    return bytes;
  }
}
