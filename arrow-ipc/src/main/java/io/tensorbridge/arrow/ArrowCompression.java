package io.tensorbridge.arrow;

/** How the buffers of a body are compressed, each for itself ({@code Message.fbs}). */
public enum ArrowCompression {
  /** LZ4 frames, about as fast as a copy. */
  LZ4_FRAME,
  /** Zstandard, smaller and slower. */
  ZSTD;

  static final int PREFIX_BYTES = Long.BYTES;

  /** The prefix of a buffer that was left as it is, because it would not have become smaller. */
  static final long AS_IT_IS = -1;

  private static final long LZ4_RATIO = 255;
  private static final long ZSTD_BLOCK_BYTES = 128 << 10;
  private static final long LEAST_ZSTD_BLOCK = 4;

  /** The number in the metadata. */
  byte code() {
    return (byte) (this == LZ4_FRAME ? 0 : 1);
  }

  /**
   * The most bytes that so many compressed ones can stand for: in LZ4 a byte lengthens a match by at
   * most 255, in Zstandard a block of 4 bytes repeats one byte for at most 128 KiB.
   */
  long mostBytes(long compressed) {
    return switch (this) {
      case LZ4_FRAME -> saturatedProduct(compressed, LZ4_RATIO);
      case ZSTD -> saturatedProduct(compressed / LEAST_ZSTD_BLOCK + 1, ZSTD_BLOCK_BYTES);
    };
  }

  private static long saturatedProduct(long count, long factor) {
    return count > Long.MAX_VALUE / factor ? Long.MAX_VALUE : count * factor;
  }
}
