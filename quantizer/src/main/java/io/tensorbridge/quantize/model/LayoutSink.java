package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.PartSink;
import io.tensorbridge.quantize.checkpoint.StoredEntry;
import io.tensorbridge.quantize.checkpoint.StoredEntry.Content;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Writes the parts of a quantized tensor to the entries of its layout; thread-safe. */
final class LayoutSink implements PartSink {
  private final TensorFileWriter writer;
  private final int firstEntry;
  private final List<StoredEntry> entries;

  /** Whole parts that entries are made of, as far as they have come; else empty arrays. */
  private final byte[][] collected;

  private final long[] missing;

  /**
   * A sink that has written the constant entries.
   *
   * @param firstEntry index of the layout's first entry in the file
   */
  LayoutSink(
      TensorFileWriter writer, int firstEntry, List<StoredEntry> entries, List<OutputSpec> parts) {
    this.writer = writer;
    this.firstEntry = firstEntry;
    this.entries = entries;
    this.collected = new byte[parts.size()][0];
    this.missing = new long[parts.size()];
    for (int i = 0; i < entries.size(); i++) {
      switch (entries.get(i).content()) {
        case Content.Constant(byte[] bytes) -> write(i, 0, bytes);
        case Content.Part _ -> {
          // comes with the pieces
        }
        case Content.Converted(int part, var _) -> {
          missing[part] = parts.get(part).type().byteLength();
          collected[part] = new byte[Math.toIntExact(missing[part])];
        }
      }
    }
  }

  private void write(int entry, long byteOffset, byte[] bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
      writer.write(firstEntry + entry, byteOffset, memory);
    }
  }

  @Override
  public void write(int part, long byteOffset, MemorySegment bytes) {
    boolean whole = collect(part, byteOffset, bytes);
    for (int i = 0; i < entries.size(); i++) {
      switch (entries.get(i).content()) {
        case Content.Part(int index) when index == part ->
            writer.write(firstEntry + i, byteOffset, bytes);
        case Content.Converted(int index, var conversion) when index == part && whole ->
            write(i, 0, conversion.apply(collected[part]));
        case Content.Part _,Content.Converted _,Content.Constant _ -> {
          // of another part
        }
      }
    }
  }

  /** Whether this piece makes a part whole that entries are made of. */
  private synchronized boolean collect(int part, long byteOffset, MemorySegment bytes) {
    if (missing[part] == 0) {
      return false;
    }
    MemorySegment.copy(
        bytes, 0, MemorySegment.ofArray(collected[part]), byteOffset, bytes.byteSize());
    missing[part] -= bytes.byteSize();
    return missing[part] == 0;
  }
}
