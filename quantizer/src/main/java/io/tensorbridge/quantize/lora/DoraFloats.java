package io.tensorbridge.quantize.lora;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.DType;
import io.tensorbridge.quantize.FloatSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A merged weight with each row brought to the norm that a DoRA tells: {@code W' = magnitude * W /
 * |W|}, as PEFT merges it. The squares of a row are added up in its order in double precision,
 * whoever asks for whichever part of it; a row of zeros stays one.
 */
final class DoraFloats extends FloatSource {
  private final FloatSource merged;
  private final MemorySegment magnitudes;
  private final long columns;

  /** With native float32 norms, one for each row. */
  DoraFloats(FloatSource merged, MemorySegment magnitudes) {
    super(DType.F32, merged);
    this.merged = merged;
    this.magnitudes = magnitudes;
    this.columns = merged.type().shape().flattenedToMatrix().rowLength();
  }

  @Override
  protected void copy(long first, MemorySegment values) {
    merged.read(first, values);
    long end = first + values.byteSize() / Float.BYTES;
    for (long at = first; at < end;) {
      long row = at / columns;
      long count = Math.min((row + 1) * columns, end) - at;
      MemorySegment run = values.asSlice((at - first) * Float.BYTES, count * Float.BYTES);
      scale(run, factor(row, count == columns ? norm(run) : normOfRow(row)));
      at += count;
    }
  }

  private double normOfRow(long row) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment whole = arena.allocate(columns * Float.BYTES, Float.BYTES);
      merged.read(row * columns, whole);
      return norm(whole);
    }
  }

  private static double norm(MemorySegment row) {
    double sum = 0;
    for (long at = 0; at < row.byteSize(); at += Float.BYTES) {
      double value = row.get(JAVA_FLOAT_UNALIGNED, at);
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  private float factor(long row, double norm) {
    float magnitude = magnitudes.getAtIndex(ValueLayout.JAVA_FLOAT, row);
    return norm == 0 ? 0 : (float) (magnitude / norm);
  }

  private static void scale(MemorySegment run, float factor) {
    for (long at = 0; at < run.byteSize(); at += Float.BYTES) {
      run.set(JAVA_FLOAT_UNALIGNED, at, run.get(JAVA_FLOAT_UNALIGNED, at) * factor);
    }
  }
}
