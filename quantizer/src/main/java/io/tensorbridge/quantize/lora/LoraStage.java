package io.tensorbridge.quantize.lora;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The products of some modules for one weight as a single one: the left factors side by side, with
 * their scales in them, and the right ones one below the other; immutable and thread-safe.
 */
final class LoraStage {
  /** Elements of a factor that are read at once. */
  private static final int PIECE_ELEMENTS = 16 << 10;

  private static final int ALIGNMENT = 64;

  private final int rank;
  private final long columns;

  /** Keep the memory of the views. */
  @SuppressWarnings("unused")
  private final MemorySegment factorsOwner;

  @SuppressWarnings("unused")
  private final MemorySegment matrixOwner;

  private final MemorySegment factors;
  private final MemorySegment matrix;

  /** The factors of a module and what their product is multiplied by. */
  record Part(LoraFactors factors, double scale) {}

  /**
   * Reads the factors of modules that fit the same weight.
   *
   * @param memory gives memory that lives as long as somebody holds it
   * @throws TensorException if an element is not finite, with the name of its module
   */
  LoraStage(List<Part> parts, SegmentAllocator memory) {
    LoraFactors first = parts.getFirst().factors;
    this.rank = parts.stream().mapToInt(part -> part.factors.rank()).sum();
    this.columns = first.columns();
    this.factorsOwner = memory.allocate(first.rows() * rank * Float.BYTES, ALIGNMENT);
    this.matrixOwner = memory.allocate(columns * rank * Float.BYTES, ALIGNMENT);
    this.factors = Native.view(factorsOwner);
    this.matrix = Native.view(matrixOwner);
    int at = 0;
    for (Part part : parts) {
      putDown(part.factors, at);
      putUp(part.factors, part.scale, at);
      at += part.factors.rank();
    }
  }

  /**
   * The memory that a stage takes at most.
   *
   * @return bytes
   */
  static long byteLength(List<LoraFactors> parts) {
    long bytes = 0;
    for (LoraFactors part : parts) {
      bytes += part.rank() * (part.rows() + part.columns()) * Float.BYTES + 2 * ALIGNMENT;
      bytes += part.magnitude().isPresent() ? part.rows() * Float.BYTES + ALIGNMENT : 0;
    }
    return bytes;
  }

  private void putDown(LoraFactors part, int at) {
    long count = part.rank() * columns;
    MemorySegment target = matrix.asSlice(at * columns * Float.BYTES, count * Float.BYTES);
    read(part.name(), "down (A)", part.down(), target);
  }

  /** Reads all values of a small tensor, which must be finite. */
  static void read(String name, String what, FloatSource source, MemorySegment target) {
    long count = target.byteSize() / Float.BYTES;
    for (long done = 0; done < count; done += PIECE_ELEMENTS) {
      long length = Math.min(PIECE_ELEMENTS, count - done);
      MemorySegment piece = target.asSlice(done * Float.BYTES, length * Float.BYTES);
      source.read(done, piece);
      for (long i = 0; i < length; i++) {
        float value = piece.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        if (!Float.isFinite(value)) {
          throw nonFinite(
              name, done + i, "of " + what + " is " + value
                  + "; the adapter was not trained to the end, or is damaged");
        }
      }
    }
  }

  private void putUp(LoraFactors part, double scale, int at) {
    int width = part.rank();
    int pieceRows = Math.max(1, PIECE_ELEMENTS / width);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment piece = arena.allocate((long) pieceRows * width * Float.BYTES, Float.BYTES);
      for (long row = 0; row < part.rows(); row += pieceRows) {
        long count = Math.min(pieceRows, part.rows() - row) * width;
        part.up().read(row * width, piece.asSlice(0, count * Float.BYTES));
        scale(part, scale, piece, row, (int) count, at);
      }
    }
  }

  private void scale(
      LoraFactors part, double scale, MemorySegment piece, long firstRow, int count, int at) {
    int width = part.rank();
    for (int i = 0; i < count; i++) {
      float value = piece.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      float factor = (float) (value * scale);
      long index = firstRow * width + i;
      if (!Float.isFinite(factor)) {
        throw nonFinite(
            part.name(),
            index,
            Float.isFinite(value)
                ? "of up (B) times the scale " + scale
                    + " is not finite; the alpha or the strength is too large"
                : "of up (B) is " + value
                    + "; the adapter was not trained to the end, or is damaged");
      }
      long row = index / width;
      factors.setAtIndex(ValueLayout.JAVA_FLOAT, row * rank + at + index % width, factor);
    }
  }

  private static TensorException nonFinite(String name, long index, String what) {
    return new TensorException(
        ErrorCode.NON_FINITE, name, index, "element " + index + " " + what, null);
  }

  /** Products in a value. */
  int rank() {
    return rank;
  }

  /** Elements of a row of the weight. */
  long columns() {
    return columns;
  }

  /** Native float32 {@code [rows, rank]}. */
  MemorySegment factors() {
    return factors;
  }

  /** Native float32 {@code [rank, columns]}. */
  MemorySegment matrix() {
    return matrix;
  }
}
