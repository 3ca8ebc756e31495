package io.tensorbridge.arrow;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.file.ByteSource;
import io.tensorbridge.shm.file.PendingFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;

/** Where written bytes go. Positions rise; what lies between two is padding of zeros. */
interface ArrowSink extends AutoCloseable {
  /** Writes bytes at or behind the end of those before. */
  void write(long at, MemorySegment bytes);

  /** Leaves bytes at or behind the end of those before as they are. */
  default void skip(long at, long byteLength) {
    write(at, BatchPlan.NOTHING);
  }

  /** Lets a reader see everything up to an end; nothing is written after that. */
  void publish(long end);

  /** Gives up what was not published. */
  @Override
  void close();

  /** A file that appears whole or not at all. */
  static ArrowSink file(Path target) {
    PendingFile file = PendingFile.create(target);
    return new ArrowSink() {
      @Override
      public void write(long at, MemorySegment bytes) {
        file.write(at, bytes);
      }

      @Override
      public void publish(long end) {
        file.commit();
      }

      @Override
      public void close() {
        file.close();
      }
    };
  }

  /**
   * Memory, whose first bytes are written last: until then a reader finds zeros, and so neither a
   * file nor a stream.
   */
  static ArrowSink memory(MemorySegment target, Runnable release) {
    return new MemorySink(target, release);
  }

  /** A channel, which stays open. */
  static ArrowSink channel(WritableByteChannel channel) {
    return new ChannelSink(channel);
  }

  /** Counts only. */
  static ArrowSink nowhere() {
    return new ArrowSink() {
      @Override
      public void write(long at, MemorySegment bytes) {
        // nothing to keep
      }

      @Override
      public void publish(long end) {
        // nobody reads
      }

      @Override
      public void close() {
        // nothing to free
      }
    };
  }

  /** See {@link #memory}. */
  final class MemorySink implements ArrowSink {
    private static final int HELD = 8;

    private final MemorySegment target;
    private final Runnable release;
    private final MemorySegment held = MemorySegment.ofArray(new byte[HELD]);
    private long end;
    private boolean closed;

    private MemorySink(MemorySegment target, Runnable release) {
      this.target = target;
      this.release = release;
    }

    @Override
    public void write(long at, MemorySegment bytes) {
      require(at + bytes.byteSize());
      target.asSlice(end, at - end).fill((byte) 0);
      long kept = Math.clamp(HELD - at, 0, bytes.byteSize());
      if (kept > 0) {
        MemorySegment.copy(bytes, 0, held, at, kept);
        target.asSlice(at, kept).fill((byte) 0);
      }
      MemorySegment.copy(bytes, kept, target, at + kept, bytes.byteSize() - kept);
      end = at + bytes.byteSize();
    }

    @Override
    public void skip(long at, long byteLength) {
      write(at, BatchPlan.NOTHING);
      require(at + byteLength);
      end = at + byteLength;
    }

    private void require(long size) {
      if (size > target.byteSize()) {
        throw new ResourceException(ErrorCode.NEEDS_SPACE, "an Arrow file of at least " + size
            + " bytes does not fit into " + target.byteSize()
            + "; ArrowWriter.byteLength tells how many it needs");
      }
    }

    @Override
    public void publish(long newEnd) {
      require(newEnd);
      target.asSlice(end, newEnd - end).fill((byte) 0);
      MemorySegment.copy(held, 0, target, 0, Math.min(HELD, newEnd));
      close();
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        release.run();
      }
    }
  }

  /** See {@link #channel}. */
  final class ChannelSink implements ArrowSink {
    private static final int CHUNK = 1 << 20;

    private final WritableByteChannel channel;
    private long end;

    private ChannelSink(WritableByteChannel channel) {
      this.channel = channel;
    }

    @Override
    public void write(long at, MemorySegment bytes) {
      try {
        writeFully(ByteBuffer.allocate(Math.toIntExact(at - end)));
        for (long from = 0; from < bytes.byteSize(); from += CHUNK) {
          writeChunk(bytes.asSlice(from, Math.min(CHUNK, bytes.byteSize() - from)));
        }
        end = at + bytes.byteSize();
      } catch (IOException failure) {
        throw ByteSource.inaccessible("the channel of an Arrow file", failure);
      }
    }

    private void writeChunk(MemorySegment chunk) throws IOException {
      if (chunk.isNative()) {
        writeFully(chunk.asByteBuffer());
        return;
      }
      try (Arena arena = Arena.ofConfined()) {
        writeFully(arena.allocate(chunk.byteSize()).copyFrom(chunk).asByteBuffer());
      }
    }

    private void writeFully(ByteBuffer buffer) throws IOException {
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    }

    @Override
    public void publish(long newEnd) {
      write(newEnd, BatchPlan.NOTHING);
    }

    @Override
    public void close() {
      // the channel is its owner's
    }
  }
}
