package io.tensorbridge.arrow;

import io.airlift.compress.v3.lz4.Lz4Compressor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * LZ4 frames: blocks of LZ4 with their lengths ({@code lz4_Frame_format.md}, version 1.6.4).
 *
 * <pre>
 *   magic 184D2204 | FLG BD [content size 8] [dictionary 4] HC | blocks | 0 | [checksum 4]
 *   block: length 4, the highest bit for one that was left as it is | bytes | [checksum 4]
 * </pre>
 *
 * <p>Libraries for the JVM read only frames of independent blocks, or read byte by byte; Arrow C++
 * writes blocks that refer to those before. So the blocks are decoded here, in {@link Lz4Block}.
 */
final class Lz4Frame {
  private static final int MAGIC = 0x184D2204;
  private static final int MAX_BLOCK_CODE = 7;
  private static final int LARGEST_BLOCK = 4 << 20;
  private static final int STORED = 1 << 31;
  private static final int VERSION = 1;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment frame;
  private final MemorySegment target;
  private long at;
  private long written;

  private Lz4Frame(MemorySegment frame, MemorySegment target) {
    this.frame = frame;
    this.target = target;
  }

  /**
   * Decompresses one frame that fills the target.
   *
   * @throws MalformedBodyException if it breaks the format or has another length
   */
  static void decompress(MemorySegment frame, MemorySegment target) {
    try {
      new Lz4Frame(frame, target).decompress();
    } catch (IndexOutOfBoundsException outside) {
      throw new MalformedBodyException("the LZ4 frame is cut short or leads outside");
    }
  }

  private void decompress() {
    if (frame.get(INT, 0) != MAGIC) {
      throw new MalformedBodyException("no LZ4 frame begins here");
    }
    int flags = frame.get(ValueLayout.JAVA_BYTE, 4);
    boolean independent = bit(flags, 5);
    boolean blockChecksums = bit(flags, 4);
    boolean contentSize = bit(flags, 3);
    boolean contentChecksum = bit(flags, 2);
    if ((flags >> 6 & 3) != VERSION || bit(flags, 0)) {
      throw new MalformedBodyException("an LZ4 frame of another version, or with a dictionary");
    }
    at = 6;
    if (contentSize) {
      if (frame.get(LONG, at) != target.byteSize()) {
        throw new MalformedBodyException("an LZ4 frame of " + frame.get(LONG, at) + " bytes");
      }
      at += Long.BYTES;
    }
    int headerSum = XxHash32.of(frame.asSlice(4, at - 4)) >>> 8 & 0xFF;
    if ((frame.get(ValueLayout.JAVA_BYTE, at) & 0xFF) != headerSum) {
      throw new MalformedBodyException("the checksum of the LZ4 frame's header is wrong");
    }
    at++;
    blocks(independent, blockChecksums);
    if (contentChecksum && frame.get(INT, at) != XxHash32.of(target)) {
      throw new MalformedBodyException("the checksum of the LZ4 frame is wrong");
    }
    if (written != target.byteSize()) {
      throw new MalformedBodyException("the LZ4 frame has " + written + " bytes");
    }
  }

  private static boolean bit(int flags, int index) {
    return (flags >> index & 1) != 0;
  }

  private void blocks(boolean independent, boolean checksums) {
    for (int length = nextInt(); length != 0; length = nextInt()) {
      MemorySegment block = frame.asSlice(at, length & ~STORED);
      at += block.byteSize();
      if (checksums && nextInt() != XxHash32.of(block)) {
        throw new MalformedBodyException("the checksum of an LZ4 block is wrong");
      }
      if ((length & STORED) != 0) {
        MemorySegment.copy(block, 0, target, written, block.byteSize());
        written += block.byteSize();
      } else {
        written = Lz4Block.decompress(block, target, written, independent ? written : 0);
      }
    }
  }

  private int nextInt() {
    int value = frame.get(INT, at);
    at += Integer.BYTES;
    return value;
  }

  /** The most bytes that {@link #compress} writes. */
  static long maxCompressedLength(long length) {
    long blocks = Math.ceilDiv(length, (long) LARGEST_BLOCK);
    return 15 + length + blocks * Integer.BYTES + Integer.BYTES;
  }

  /**
   * Writes a frame of independent blocks.
   *
   * @param scratch for one compressed block, of the compressor's largest length
   * @return its length
   */
  static long compress(
      Lz4Compressor compressor, MemorySegment source, MemorySegment scratch, MemorySegment frame) {
    frame.set(INT, 0, MAGIC);
    frame.set(ValueLayout.JAVA_BYTE, 4, (byte) (VERSION << 6 | 1 << 5 | 1 << 3));
    frame.set(ValueLayout.JAVA_BYTE, 5, (byte) (MAX_BLOCK_CODE << 4));
    frame.set(LONG, 6, source.byteSize());
    frame.set(ValueLayout.JAVA_BYTE, 14, (byte) (XxHash32.of(frame.asSlice(4, 10)) >>> 8));
    long at = 15;
    for (long from = 0; from < source.byteSize(); from += LARGEST_BLOCK) {
      MemorySegment block =
          source.asSlice(from, Math.min(LARGEST_BLOCK, source.byteSize() - from));
      int length = compressor.compress(block, scratch);
      boolean stored = length >= block.byteSize();
      MemorySegment content = stored ? block : scratch.asSlice(0, length);
      frame.set(INT, at, (int) content.byteSize() | (stored ? STORED : 0));
      MemorySegment.copy(content, 0, frame, at + Integer.BYTES, content.byteSize());
      at += Integer.BYTES + content.byteSize();
    }
    frame.set(INT, at, 0);
    return at + Integer.BYTES;
  }

  /** The bytes of scratch that {@link #compress} needs. */
  static int scratchLength(Lz4Compressor compressor) {
    return compressor.maxCompressedLength(LARGEST_BLOCK);
  }
}
