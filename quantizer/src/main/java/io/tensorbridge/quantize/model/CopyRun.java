package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.PartSink;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Copies the entries of a tensor, byte for byte. */
final class CopyRun implements OpRun {
  private static final int CHUNK_BYTES = 256 << 10;

  private final Source source;
  private final List<TensorEntry> entries;
  private final PartSink sink;

  /** Where the bytes of the entries come from. */
  @FunctionalInterface
  interface Source {
    void read(int part, long byteOffset, MemorySegment target);
  }

  CopyRun(TensorFile file, List<TensorEntry> entries, PartSink sink) {
    this(
        (part, byteOffset, target) -> file.read(entries.get(part).name(), byteOffset, target),
        entries,
        sink);
  }

  CopyRun(Source source, List<TensorEntry> entries, PartSink sink) {
    this.source = source;
    this.entries = entries;
    this.sink = sink;
  }

  @Override
  public int chunkCount(int phase) {
    long count = 0;
    for (TensorEntry entry : entries) {
      count += chunks(entry);
    }
    return Math.toIntExact(count);
  }

  @Override
  public void runChunk(int phase, int chunk) {
    long index = chunk;
    int part = 0;
    while (index >= chunks(entries.get(part))) {
      index -= chunks(entries.get(part));
      part++;
    }
    TensorEntry entry = entries.get(part);
    long byteOffset = index * CHUNK_BYTES;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(Math.min(CHUNK_BYTES, entry.byteLength() - byteOffset));
      source.read(part, byteOffset, bytes);
      sink.write(part, byteOffset, bytes);
    }
  }

  private static long chunks(TensorEntry entry) {
    return Math.ceilDiv(entry.byteLength(), (long) CHUNK_BYTES);
  }
}
