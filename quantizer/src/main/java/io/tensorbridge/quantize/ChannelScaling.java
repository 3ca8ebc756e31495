package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Multiplies dequantized values by the scales of their columns before they are committed.
 *
 * @param others takes the values
 * @param scales float32, one for each column
 * @param columns elements in a row
 */
record ChannelScaling(Output others, StoredBytes scales, long columns) implements Output {
  @Override
  public MemorySegment claim(int part, long byteOffset, long byteLength, Scratch scratch) {
    return others.claim(part, byteOffset, byteLength, scratch);
  }

  @Override
  public void commit(int part, long byteOffset, MemorySegment claimed) {
    long first = byteOffset / Float.BYTES;
    int count = (int) (claimed.byteSize() / Float.BYTES);
    try (Scratch scratch = Scratch.borrow()) {
      if (columns <= count) {
        MemorySegment all = scales.read(0, (int) columns, scratch);
        for (int at = 0; at < count;) {
          long column = (first + at) % columns;
          int length = (int) Math.min(columns - column, count - at);
          scale(claimed, at, length, all, column);
          at += length;
        }
      } else {
        int column = (int) (first % columns);
        int inRow = (int) Math.min(columns - column, count);
        scale(claimed, 0, inRow, scales.read(column, inRow, scratch), 0);
        if (inRow < count) {
          scale(claimed, inRow, count - inRow, scales.read(0, count - inRow, scratch), 0);
        }
      }
    }
    others.commit(part, byteOffset, claimed);
  }

  private static void scale(
      MemorySegment values, int from, int length, MemorySegment scales, long firstScale) {
    for (int i = 0; i < length; i++) {
      long at = 4L * (from + i);
      float scale = scales.get(JAVA_FLOAT_UNALIGNED, 4L * (firstScale + i));
      values.set(JAVA_FLOAT_UNALIGNED, at, values.get(JAVA_FLOAT_UNALIGNED, at) * scale);
    }
  }
}
