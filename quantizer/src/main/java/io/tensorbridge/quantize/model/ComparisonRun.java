package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.PartSink;
import java.lang.foreign.MemorySegment;
import java.util.Queue;

/**
 * Compares two tensors of the same shape, chunk by chunk: the runs behind {@link FloatRuns} cut all
 * encodings alike.
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
    this.exact = first.scheme().isEmpty() && !first.isFloat();
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
    boolean numbers = tensor.scheme().isPresent() || tensor.isFloat();
    PartSink sink = (part, byteOffset, bytes) -> piece.take(byteOffset, bytes);
    return numbers ? FloatRuns.of(file, tensor, sink) : new CopyRun(file, tensor.parts(), sink);
  }

  /** The values of one chunk; its array is used again and again, since new memory costs more. */
  static final class Piece {
    private long byteOffset = -1;
    private int count;
    private float[] values = new float[0];

    private void take(long offset, MemorySegment bytes) {
      byteOffset = offset;
      count = Math.toIntExact(Math.ceilDiv(bytes.byteSize(), (long) Float.BYTES));
      if (values.length < count) {
        values = new float[count];
      }
      values[count - 1] = 0;
      MemorySegment.copy(bytes, 0, MemorySegment.ofArray(values), 0, bytes.byteSize());
    }

    private boolean coversTheSameAs(Piece other) {
      return byteOffset == other.byteOffset && count == other.count;
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
    chunks[chunk] = exact ? requireEqual(original, copy) : compare(original, copy);
    pieces.add(original);
    pieces.add(copy);
  }

  private Piece borrow() {
    Piece piece = pieces.poll();
    return piece == null ? new Piece() : piece;
  }

  /** Of integers, only equality is told. */
  private TensorQuality requireEqual(Piece original, Piece copy) {
    for (int i = 0; i < original.count; i++) {
      if (Float.floatToRawIntBits(original.values[i]) != Float.floatToRawIntBits(copy.values[i])) {
        throw new TensorException(
            ErrorCode.BAD_SHAPE, "holds other " + first.encoding() + " values in the other file");
      }
    }
    return TensorQuality.NONE;
  }

  private static TensorQuality compare(Piece original, Piece copy) {
    double signal = 0;
    double noise = 0;
    double product = 0;
    double squares = 0;
    double maxAbsError = 0;
    for (int i = 0; i < original.count; i++) {
      double a = original.values[i];
      double b = copy.values[i];
      double error = a - b;
      signal += a * a;
      noise += error * error;
      product += a * b;
      squares += b * b;
      maxAbsError = Math.max(maxAbsError, Math.abs(error));
    }
    return new TensorQuality(original.count, signal, noise, product, squares, maxAbsError);
  }
}
