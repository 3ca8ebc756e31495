package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Backing;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class CompressedBufferTest {
  /** Before memory is taken for it. */
  @Test
  void aLargeZstandardBufferIsRefusedWithTheRemedy() {
    try (OwnMemory memory = new OwnMemory(1L << 60, Backing.PRIVATE)) {
      CompressedBuffer buffer = new CompressedBuffer(
          ArrowCompression.ZSTD, MemorySegment.ofArray(new byte[9]), 1L << 50, memory);
      assertThatThrownBy(buffer::decompress)
          .isInstanceOf(MalformedBodyException.class)
          .hasMessageContaining("more than 2 GiB")
          .hasMessageContaining("smaller batches, or with LZ4");
    }
  }
}
