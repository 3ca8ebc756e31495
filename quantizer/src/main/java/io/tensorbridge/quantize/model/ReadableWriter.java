package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorFileWriter;
import java.lang.foreign.MemorySegment;

/** A file in the making that gives back what was written. */
interface ReadableWriter extends TensorFileWriter {
  /**
   * Reads what was written to a tensor.
   *
   * @param entry index of the entry
   * @param byteOffset where in the tensor's bytes
   * @param target native memory, filled whole
   */
  void read(int entry, long byteOffset, MemorySegment target);
}
