package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorFileWriter;
import java.lang.foreign.MemorySegment;

/** Where the bytes of a pass go that only measures. */
record DiscardingWriter() implements TensorFileWriter {
  @Override
  public void write(int entry, long byteOffset, MemorySegment bytes) {
    // only the figures are wanted
  }

  @Override
  public void commit() {
    // nothing appears
  }

  @Override
  public void close() {
    // nothing is left
  }
}
