package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import io.airlift.compress.v3.lz4.Lz4Compressor;
import io.airlift.compress.v3.zstd.ZstdCompressor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.apache.arrow.flatbuf.BodyCompression;
import org.apache.arrow.flatbuf.BodyCompressionMethod;

/** Compresses the buffers of a batch, each for itself. */
interface Compressor {
  /** Leaves buffers as they are. */
  Compressor NONE = new Compressor() {
    @Override
    public MemorySegment compress(MemorySegment buffer) {
      return buffer;
    }

    @Override
    public int metadata(FlatBufferBuilder builder) {
      return 0;
    }
  };

  /**
   * What is stored of a buffer.
   *
   * @param buffer its bytes
   * @return the bytes themselves, or a prefix and compressed ones
   */
  MemorySegment compress(MemorySegment buffer);

  /** Adds the word about it to the metadata; 0 for none. */
  int metadata(FlatBufferBuilder builder);

  /**
   * A compressor.
   *
   * @param arena of what it writes, and of its scratch
   */
  static Compressor of(ArrowCompression compression, Arena arena) {
    return new Compressor() {
      @Override
      public MemorySegment compress(MemorySegment buffer) {
        return buffer.byteSize() == 0 ? buffer : compressed(compression, buffer, arena);
      }

      @Override
      public int metadata(FlatBufferBuilder builder) {
        return BodyCompression.createBodyCompression(
            builder, compression.code(), BodyCompressionMethod.BUFFER);
      }
    };
  }

  private static MemorySegment compressed(
      ArrowCompression compression, MemorySegment buffer, Arena arena) {
    MemorySegment source = buffer.isNative() ? buffer : arena.allocate(buffer.byteSize());
    if (!buffer.isNative()) {
      source.copyFrom(buffer);
    }
    ValueLayout.OfLong prefix =
        ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    long most = most(compression, source.byteSize());
    MemorySegment target =
        arena.allocate(ArrowCompression.PREFIX_BYTES + Math.max(most, source.byteSize()));
    MemorySegment content = target.asSlice(ArrowCompression.PREFIX_BYTES);
    long length = most == 0 ? source.byteSize() : compress(compression, source, content, arena);
    boolean smaller = length < source.byteSize();
    target.set(prefix, 0, smaller ? source.byteSize() : ArrowCompression.AS_IT_IS);
    if (!smaller) {
      length = source.byteSize();
      MemorySegment.copy(source, 0, content, 0, length);
    }
    return target.asSlice(0, ArrowCompression.PREFIX_BYTES + length);
  }

  /** The most compressed bytes; 0 for a buffer that is too large for the library. */
  private static long most(ArrowCompression compression, long byteLength) {
    return switch (compression) {
      case LZ4_FRAME -> Lz4Frame.maxCompressedLength(byteLength);
      case ZSTD -> byteLength > Integer.MAX_VALUE / 2
          ? 0
          : ZstdCompressor.create().maxCompressedLength((int) byteLength);
    };
  }

  private static long compress(
      ArrowCompression compression, MemorySegment source, MemorySegment target, Arena arena) {
    return switch (compression) {
      case LZ4_FRAME -> {
        Lz4Compressor compressor = Lz4Compressor.create();
        MemorySegment scratch = arena.allocate(Lz4Frame.scratchLength(compressor));
        yield Lz4Frame.compress(compressor, source, scratch, target);
      }
      case ZSTD -> ZstdCompressor.create().compress(source, target);
    };
  }
}
