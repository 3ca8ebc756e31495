package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.PartSink;
import io.tensorbridge.quantize.TensorQuality;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Queue;

/**
 * Compares two tensors of the same shape, chunk by chunk: the runs of a {@link
 * io.tensorbridge.quantize.FloatSource} cut all encodings alike.
 */
final class ComparisonRun implements OpRun {
  private final TensorFile firstFile;
  private final ModelTensor first;
  private final TensorFile secondFile;
  private final ModelTensor second;
  private final Queue<Piece> pieces;
  private final boolean exact;
  private TensorQuality[] chunks = new TensorQuality[0];

  /**
   * A run.
   *
   * @param pieces thread-safe; keeps memory for the next chunks, also of other runs
   */
  ComparisonRun(
      TensorFile firstFile,
      ModelTensor first,
      TensorFile secondFile,
      ModelTensor second,
      Queue<Piece> pieces) {
    this.firstFile = firstFile;
    this.first = first;
    this.secondFile = secondFile;
    this.second = second;
    this.pieces = pieces;
    this.exact = !first.isQuantized() && !first.isFloat();
  }

  String name() {
    return first.name();
  }

  ModelTensor first() {
    return first;
  }

  ModelTensor second() {
    return second;
  }

  long workBytes() {
    return Math.max(1, first.byteLength() + second.byteLength());
  }

  /** The sums over all chunks, in their order. */
  TensorQuality quality() {
    TensorQuality sum = TensorQuality.NONE;
    for (TensorQuality chunk : chunks) {
      sum = sum.plus(chunk);
    }
    return sum;
  }

  OpRun begin() {
    if (!first.shape().equals(second.shape())) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "has the shape " + first.shape() + " in one file, " + second.shape() + " in the other");
    }
    if (exact && !first.encoding().equals(second.encoding())) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          "holds " + first.encoding() + " in one file, " + second.encoding() + " in the other");
    }
    return this;
  }

  @Override
  public int chunkCount(int phase) {
    int count = run(firstFile, first, new Piece()).chunkCount(phase);
    if (run(secondFile, second, new Piece()).chunkCount(phase) != count) {
      throw new IllegalStateException(first.encoding() + " and " + second.encoding() + " differ");
    }
    chunks = new TensorQuality[count];
    return count;
  }

  private static OpRun run(TensorFile file, ModelTensor tensor, Piece piece) {
    boolean numbers = tensor.isQuantized() || tensor.isFloat();
    PartSink sink = (part, byteOffset, bytes) -> piece.take(byteOffset, bytes);
    return numbers ? tensor.floats(file).run(sink) : new CopyRun(file, tensor.parts(), sink);
  }

  /** The bytes of one chunk; its memory is used again and again, since new memory costs more. */
  static final class Piece {
    private long byteOffset = -1;
    private MemorySegment memory = MemorySegment.NULL;
    private MemorySegment bytes = MemorySegment.NULL;

    private void take(long offset, MemorySegment taken) {
      byteOffset = offset;
      if (memory.byteSize() < taken.byteSize()) {
        memory = Arena.ofAuto().allocate(taken.byteSize(), Long.BYTES);
      }
      bytes = memory.asSlice(0, taken.byteSize()).copyFrom(taken);
    }

    private boolean coversTheSameAs(Piece other) {
      return byteOffset == other.byteOffset && bytes.byteSize() == other.bytes.byteSize();
    }
  }

  @Override
  public void runChunk(int phase, int chunk) {
    Piece original = borrow();
    Piece copy = borrow();
    run(firstFile, first, original).runChunk(phase, chunk);
    run(secondFile, second, copy).runChunk(phase, chunk);
    if (!original.coversTheSameAs(copy)) {
      throw new IllegalStateException(first.encoding() + " and " + second.encoding() + " differ");
    }
    chunks[chunk] = exact
        ? requireEqual(original, copy)
        : TensorQuality.of(original.bytes, copy.bytes);
    pieces.add(original);
    pieces.add(copy);
  }

  private Piece borrow() {
    Piece piece = pieces.poll();
    return piece == null ? new Piece() : piece;
  }

  /** Of integers, only equality is told. */
  private TensorQuality requireEqual(Piece original, Piece copy) {
    if (original.bytes.mismatch(copy.bytes) >= 0) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE, "holds other " + first.encoding() + " values in the other file");
    }
    return TensorQuality.NONE;
  }
}
