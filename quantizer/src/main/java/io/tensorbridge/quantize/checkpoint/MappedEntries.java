package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.Backing;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OutputSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** The entries of one tensor in an open file, and which of them were mapped; for one thread. */
final class MappedEntries {
  private final TensorFile file;
  private final List<Tensor> mapped = new ArrayList<>();

  MappedEntries(TensorFile file) {
    this.file = file;
  }

  /** A mapped tensor: scalar reads of it fail in a way that can be caught. */
  Tensor tensor(TensorEntry entry) {
    Tensor tensor = file.tensor(entry.name());
    mapped.add(tensor);
    return tensor;
  }

  /** An entry as a part of a scheme, whatever dtype and shape the layout gives it. */
  Tensor part(TensorEntry entry, OutputSpec part) {
    TensorLayout layout = TensorLayout.rowMajor(part.type());
    Tensor tensor = Tensor.of(file.bytes(entry.name()), layout, Backing.FILE);
    mapped.add(tensor);
    return tensor;
  }

  /** The bytes of a small entry, copied. */
  byte[] bytes(TensorEntry entry) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(Math.max(1, entry.byteLength()));
      MemorySegment whole = bytes.asSlice(0, entry.byteLength());
      file.read(entry.name(), 0, whole);
      return whole.toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** All that were mapped. */
  List<Tensor> all() {
    return mapped;
  }
}
