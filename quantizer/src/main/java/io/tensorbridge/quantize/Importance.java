package io.tensorbridge.quantize;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How much the errors of each column count, repeated row after row, so that the importances of a
 * chunk are neighbours wherever in a row it begins; immutable and thread-safe.
 */
final class Importance {
  private final long rowLength;

  /** Keeps the memory of the view. */
  @SuppressWarnings("unused")
  private final MemorySegment owner;

  private final MemorySegment repeated;

  private Importance(long rowLength, MemorySegment owner) {
    this.rowLength = rowLength;
    this.owner = owner;
    this.repeated = Native.view(owner);
  }

  /**
   * Copies importances.
   *
   * @param quantized what is to be quantized
   * @param tensor of a type that was {@linkplain SideVector#require required}
   * @throws TensorException {@link ErrorCode#NON_FINITE} with the index of the first importance
   *     that is negative, NaN or infinite
   */
  static Importance of(TensorType quantized, Tensor tensor) {
    long columns = SideVector.IMPORTANCES.count(quantized);
    long elements = quantized.shape().elementCount();
    long repeated = Math.min(columns + Scratch.CHUNK_ELEMENTS, elements);
    MemorySegment owner = Arena.ofAuto().allocate(Math.max(1, repeated) * Float.BYTES, 64);
    SideVector.IMPORTANCES.copy(tensor, owner);
    for (long done = columns; done < repeated; done += columns) {
      long count = Math.min(columns, repeated - done);
      MemorySegment.copy(owner, 0, owner, done * Float.BYTES, count * Float.BYTES);
    }
    return new Importance(Math.max(1, columns), owner);
  }

  /** Where the importance of an element lies in {@link #memory()}, in bytes. */
  long offset(long element) {
    return element % rowLength * Float.BYTES;
  }

  /** Native float32; the importances of a chunk lie one after the other from its first. */
  MemorySegment memory() {
    return repeated;
  }
}
