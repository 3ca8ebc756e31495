package io.tensorbridge.shm.npy;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Decompresses a member of an archive; thread-safe. */
final class Inflation {
  private static final int CHUNK = 1 << 16;
  /** Deflate needs at least one bit for 258 bytes, and so never does better than this. */
  private static final long MAX_RATIO = 1032;

  private final ZipMember member;

  Inflation(ZipMember member) {
    this.member = member;
    long possible = Math.multiplyHigh(member.content().size(), MAX_RATIO) != 0
        ? Long.MAX_VALUE
        : member.content().size() * MAX_RATIO;
    if (member.byteSize() > possible) {
      throw broken("deflated bytes grow at most 1032-fold",
          "it shall grow to " + member.byteSize());
    }
  }

  /** The first bytes, without looking at the others. */
  ByteSource prefix(int length) {
    byte[] prefix = new byte[(int) Math.min(length, member.byteSize())];
    inflate(MemorySegment.ofArray(prefix), false);
    return new ByteSource(
        member.content().file(), member.content().fileOffset(), MemorySegment.ofArray(prefix));
  }

  /** All bytes, compared with their checksum. */
  ByteSource all(Arena arena) {
    MemorySegment target = PrivateMemory.allocate(arena, member.byteSize());
    int crc32 = inflate(target, true);
    if (crc32 != member.crc32()) {
      throw broken("the content has the checksum of the directory", "another checksum");
    }
    return new ByteSource(
        member.content().file(), member.content().fileOffset(), target.asReadOnly());
  }

  private int inflate(MemorySegment target, boolean toTheEnd) {
    Inflater inflater = new Inflater(true);
    try {
      Feed feed = new Feed(inflater);
      CRC32 checksum = new CRC32();
      for (long at = 0; at < target.byteSize(); at += CHUNK) {
        MemorySegment part = target.asSlice(at, Math.min(CHUNK, target.byteSize() - at));
        feed.fill(part.asByteBuffer());
        checksum.update(part.asByteBuffer());
      }
      if (toTheEnd) {
        feed.requireEnd();
      }
      return (int) checksum.getValue();
    } finally {
      inflater.end();
    }
  }

  private FormatException broken(String rule, String found) {
    return member.content().broken(0, rule, found);
  }

  /** Hands an inflater its input piece by piece. */
  private final class Feed {
    private final Inflater inflater;
    private long fed;

    Feed(Inflater inflater) {
      this.inflater = inflater;
    }

    void fill(ByteBuffer target) {
      while (target.hasRemaining()) {
        if (inflate(target) == 0 && !more()) {
          throw broken("the content has the size of the directory", "it ends before");
        }
      }
    }

    void requireEnd() {
      ByteBuffer beyond = ByteBuffer.allocate(1);
      while (!inflater.finished()) {
        if (inflate(beyond) > 0 || (!inflater.finished() && !more())) {
          throw broken("the content has the size of the directory", "it goes on or is cut off");
        }
      }
    }

    private int inflate(ByteBuffer target) {
      try {
        return inflater.inflate(target);
      } catch (DataFormatException damaged) {
        throw broken("the content is deflated", String.valueOf(damaged.getMessage()));
      }
    }

    /** Feeds the next piece; false if the input is over or not wanted. */
    private boolean more() {
      long left = member.content().size() - fed;
      if (!inflater.needsInput() || left == 0) {
        return false;
      }
      byte[] piece = member.content().copy(fed, (int) Math.min(CHUNK, left));
      fed += piece.length;
      inflater.setInput(piece);
      return true;
    }
  }
}
