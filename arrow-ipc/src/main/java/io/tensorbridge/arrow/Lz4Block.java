package io.tensorbridge.arrow;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Decodes a block of LZ4 ({@code lz4_Block_format.md}): sequences of literals and a match.
 *
 * <pre>
 *   token: 4 bits of literal length, 4 of match length less 4 | [more literal length] | literals
 *   | distance 2 | [more match length]
 * </pre>
 */
final class Lz4Block {
  private static final int LEAST_MATCH = 4;
  private static final int MORE = 15;
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment block;
  private long at;

  private Lz4Block(MemorySegment block) {
    this.block = block;
  }

  /**
   * Decodes a block behind what was decoded before.
   *
   * @param begin where in the target to write
   * @param oldest the first byte that a match may refer to
   * @return the end of what was written
   * @throws MalformedBodyException if a match refers to what is not there
   * @throws IndexOutOfBoundsException if the block is cut short or the target too small
   */
  static long decompress(MemorySegment block, MemorySegment target, long begin, long oldest) {
    return new Lz4Block(block).decompress(target, begin, oldest);
  }

  private long decompress(MemorySegment target, long begin, long oldest) {
    long end = begin;
    while (true) {
      int token = block.get(ValueLayout.JAVA_BYTE, at++) & 0xFF;
      long literals = length(token >>> 4);
      MemorySegment.copy(block, at, target, end, literals);
      at += literals;
      end += literals;
      if (at == block.byteSize()) {
        return end; // the last sequence has no match
      }
      int distance = block.get(SHORT, at) & 0xFFFF;
      at += Short.BYTES;
      long match = length(token & MORE) + LEAST_MATCH;
      if (distance == 0 || distance > end - oldest) {
        throw new MalformedBodyException("an LZ4 block refers to " + distance + " bytes before");
      }
      copyMatch(target, end, distance, match);
      end += match;
    }
  }

  /** Bytes of 255 go on. */
  private long length(int token) {
    long length = token;
    if (token == MORE) {
      int more;
      do {
        more = block.get(ValueLayout.JAVA_BYTE, at++) & 0xFF;
        length += more;
      } while (more == 0xFF);
    }
    return length;
  }

  /** What a match refers to may overlap what it writes: then it repeats itself. */
  private static void copyMatch(MemorySegment target, long end, int distance, long length) {
    if (length > target.byteSize() - end) {
      throw new IndexOutOfBoundsException();
    }
    long from = end - distance;
    long left = length;
    long to = end;
    long period = distance;
    while (left > 0) {
      long run = Math.min(left, period);
      MemorySegment.copy(target, from, target, to, run);
      to += run;
      left -= run;
      period += run; // what was just written can be copied with it
    }
  }
}
