package io.tensorbridge.quantize.lora;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.internal.kernel.LowRankProduct;
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
  private static final int INFINITE_BITS = 0x7f800000;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /** Keep the memory of the views. */
  @SuppressWarnings("unused")
  private final MemorySegment factorsOwner;

  @SuppressWarnings("unused")
  private final MemorySegment panelsOwner;

  private final LowRankProduct product;

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
    int rank = parts.stream().mapToInt(part -> part.factors.rank()).sum();
    long columns = first.columns();
    this.factorsOwner =
        memory.allocate(LowRankProduct.factorBytes(first.rows(), rank), ALIGNMENT);
    this.panelsOwner = memory.allocate(LowRankProduct.panelBytes(columns, rank), ALIGNMENT);
    this.product =
        new LowRankProduct(Native.view(factorsOwner), Native.view(panelsOwner), rank, columns);
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
      bytes += LowRankProduct.factorBytes(part.rows(), part.rank()) + ALIGNMENT;
      bytes += LowRankProduct.panelBytes(part.columns(), part.rank()) + ALIGNMENT;
      bytes += part.magnitude().isPresent() ? part.rows() * Float.BYTES + ALIGNMENT : 0;
    }
    return bytes;
  }

  private void putDown(LoraFactors part, int at) {
    long columns = product.columns();
    try (Pieces pieces = new Pieces(part.down())) {
      for (int r = 0; r < part.rank(); r++) {
        for (long column = 0; column < columns; column += PIECE_ELEMENTS) {
          int count = (int) Math.min(PIECE_ELEMENTS, columns - column);
          MemorySegment piece = pieces.read(r * columns + column, count);
          if (product.putMatrix(at + r, column, piece, count) >= INFINITE_BITS) {
            throw nonFinite(part.name(), "down (A)", r * columns + column, piece);
          }
        }
      }
    }
  }

  /** Reads all values of a small tensor, which must be finite. */
  static void read(String name, String what, FloatSource source, MemorySegment target) {
    long count = target.byteSize() / Float.BYTES;
    for (long done = 0; done < count; done += PIECE_ELEMENTS) {
      long length = Math.min(PIECE_ELEMENTS, count - done);
      MemorySegment piece = target.asSlice(done * Float.BYTES, length * Float.BYTES);
      source.read(done, piece);
      for (long i = 0; i < length; i++) {
        if (!Float.isFinite(piece.getAtIndex(FLOAT, i))) {
          throw nonFinite(name, what, done, piece);
        }
      }
    }
  }

  private void putUp(LoraFactors part, double scale, int at) {
    int width = part.rank();
    int pieceRows = Math.max(1, PIECE_ELEMENTS / width);
    try (Pieces pieces = new Pieces(part.up())) {
      for (long row = 0; row < part.rows(); row += pieceRows) {
        int rows = (int) Math.min(pieceRows, part.rows() - row);
        MemorySegment piece = pieces.read(row * width, rows * width);
        if (product.putFactors(row, at, width, piece, rows, scale) >= INFINITE_BITS) {
          throw tooLarge(part.name(), row * width, piece, scale);
        }
      }
    }
  }

  /** The refusal of the first value that is not finite. */
  private static TensorException nonFinite(
      String name, String what, long first, MemorySegment piece) {
    int i = 0;
    while (Float.isFinite(piece.getAtIndex(FLOAT, i))) {
      i++;
    }
    return refusal(
        name, first + i, "of " + what + " is " + piece.getAtIndex(FLOAT, i)
            + "; the adapter was not trained to the end, or is damaged");
  }

  /** The refusal of the first value that is not finite, or not any more when it is scaled. */
  private static TensorException tooLarge(
      String name, long first, MemorySegment piece, double scale) {
    int i = 0;
    while (Float.isFinite((float) (piece.getAtIndex(FLOAT, i) * scale))) {
      i++;
    }
    return Float.isFinite(piece.getAtIndex(FLOAT, i))
        ? refusal(
            name, first + i, "of up (B) times the scale " + scale
                + " is not finite; the alpha or the strength is too large")
        : nonFinite(name, "up (B)", first + i, piece.asSlice(4L * i));
  }

  private static TensorException refusal(String name, long index, String what) {
    return new TensorException(
        ErrorCode.NON_FINITE, name, index, "element " + index + " " + what, null);
  }

  /** Reads a small tensor piece by piece. */
  private static final class Pieces implements AutoCloseable {
    private final FloatSource source;
    private final Arena arena = Arena.ofConfined();
    private MemorySegment memory = MemorySegment.NULL;

    Pieces(FloatSource source) {
      this.source = source;
    }

    /** Native float32 values, valid until the next are read. */
    MemorySegment read(long first, int count) {
      long byteLength = (long) count * Float.BYTES;
      if (memory.byteSize() < byteLength) {
        memory = arena.allocate(byteLength, ALIGNMENT);
      }
      MemorySegment piece = Native.view(memory.asSlice(0, byteLength));
      source.read(first, piece);
      return piece;
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  /** What is added to the weight. */
  LowRankProduct product() {
    return product;
  }
}
