package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorFileWriter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Puts what a file would hold into the memory of weights. */
final class WeightWriter implements TensorFileWriter {
  private final List<MemorySegment> entries = new ArrayList<>();

  /** Of weights in the order of their plans. */
  WeightWriter(List<ModelWeight> weights) {
    weights.forEach(weight -> entries.addAll(weight.writable()));
  }

  @Override
  public void write(int entry, long byteOffset, MemorySegment bytes) {
    MemorySegment.copy(bytes, 0, entries.get(entry), byteOffset, bytes.byteSize());
  }

  @Override
  public void commit() {
    // the weights are published by the session
  }

  @Override
  public void close() {
    // the weights belong to the session
  }
}
