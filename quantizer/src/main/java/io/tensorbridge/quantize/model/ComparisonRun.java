package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OpRun;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Compares two tensors of the same shape, chunk by chunk: the runs behind {@link FloatRuns} cut all
 * encodings alike.
 */
final class ComparisonRun implements OpRun {
  private final TensorFile firstFile;
  private final ModelTensor first;
  private final TensorFile secondFile;
  private final ModelTensor second;
  private TensorQuality[] chunks = new TensorQuality[0];

  ComparisonRun(
      TensorFile firstFile, ModelTensor first, TensorFile secondFile, ModelTensor second) {
    this.firstFile = firstFile;
    this.first = first;
    this.secondFile = secondFile;
    this.second = second;
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
    return FloatRuns.of(file, tensor, (part, byteOffset, bytes) -> piece.take(byteOffset, bytes));
  }

  /** The values of one chunk. */
  private static final class Piece {
    private long byteOffset = -1;
    private float[] values = new float[0];

    void take(long offset, MemorySegment bytes) {
      byteOffset = offset;
      values = bytes.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }
  }

  @Override
  public void runChunk(int phase, int chunk) {
    Piece original = new Piece();
    Piece copy = new Piece();
    run(firstFile, first, original).runChunk(phase, chunk);
    run(secondFile, second, copy).runChunk(phase, chunk);
    if (original.byteOffset != copy.byteOffset || original.values.length != copy.values.length) {
      throw new IllegalStateException(first.encoding() + " and " + second.encoding() + " differ");
    }
    chunks[chunk] = compare(original.values, copy.values);
  }

  private static TensorQuality compare(float[] original, float[] copy) {
    double signal = 0;
    double noise = 0;
    double product = 0;
    double squares = 0;
    double maxAbsError = 0;
    for (int i = 0; i < original.length; i++) {
      double a = original[i];
      double b = copy[i];
      double error = a - b;
      signal += a * a;
      noise += error * error;
      product += a * b;
      squares += b * b;
      maxAbsError = Math.max(maxAbsError, Math.abs(error));
    }
    return new TensorQuality(original.length, signal, noise, product, squares, maxAbsError);
  }
}
