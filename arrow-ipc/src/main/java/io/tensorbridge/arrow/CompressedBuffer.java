package io.tensorbridge.arrow;

import io.airlift.compress.v3.zstd.ZstdDecompressor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A buffer before it is decompressed.
 *
 * @param compression how it is compressed
 * @param stored the bytes in the file, without the prefix
 * @param byteLength what it announces to become
 * @param memory where it goes
 */
record CompressedBuffer(
    ArrowCompression compression, MemorySegment stored, long byteLength, OwnMemory memory) {
  static final String DECOMPRESSED = "compressed buffers that become what they announce";

  /**
   * The whole buffer.
   *
   * <p>It is decompressed from a private copy: native code must not read what someone else may cut
   * short.
   *
   * @throws MalformedBodyException if it breaks the format or has another length
   */
  MemorySegment decompress() {
    if (compression == ArrowCompression.ZSTD && byteLength > Integer.MAX_VALUE) {
      throw new MalformedBodyException("a Zstandard buffer of more than 2 GiB, which the library"
          + " can't decompress; write the file again in smaller batches, or with LZ4");
    }
    MemorySegment target = memory.allocate(byteLength);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(Math.max(stored.byteSize(), 1))
          .asSlice(0, stored.byteSize());
      copy.copyFrom(stored);
      switch (compression) {
        case LZ4_FRAME -> Lz4Frame.decompress(copy, target);
        case ZSTD -> unzstd(copy, target);
      }
    }
    return target.asReadOnly();
  }

  private static void unzstd(MemorySegment frame, MemorySegment target) {
    long length;
    try {
      length = ZstdDecompressor.create().decompress(frame, target);
    } catch (RuntimeException malformed) {
      throw new MalformedBodyException("it is no Zstandard frame: " + malformed.getMessage());
    }
    if (length != target.byteSize()) {
      throw new MalformedBodyException("the Zstandard frame has " + length + " bytes");
    }
  }
}
