package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Collectors;

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
   * Checks that a scheme takes importances, and that there is one for each column.
   *
   * @throws TensorException without a name, with what would be taken
   */
  static void require(QuantScheme scheme, TensorType quantized, TensorType importance) {
    if (!(scheme instanceof BlockScheme block && block.takesImportance())) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE, scheme + " takes no importances; these schemes do: " + takers());
    }
    if (importance.dtype() != DType.F32) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE, "importances are float32, not " + importance.dtype());
    }
    long columns = columns(quantized);
    if (importance.shape().elementCount() != columns) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "a row of " + quantized + " has " + columns + " columns, but there are "
              + importance.shape().elementCount() + " importances; give one for each column");
    }
  }

  private static String takers() {
    return Arrays.stream(BlockScheme.values())
        .filter(BlockScheme::takesImportance)
        .map(BlockScheme::family)
        .collect(Collectors.joining(", "));
  }

  private static long columns(TensorType quantized) {
    return quantized.shape().elementCount() == 0
        ? 0
        : quantized.shape().flattenedToMatrix().rowLength();
  }

  /**
   * Copies importances.
   *
   * @param quantized what is to be quantized
   * @param tensor of a type that was {@linkplain #require required}
   * @throws TensorException {@link ErrorCode#NON_FINITE} with the index of the first importance
   *     that is negative, NaN or infinite
   */
  static Importance of(TensorType quantized, Tensor tensor) {
    long columns = columns(quantized);
    long elements = quantized.shape().elementCount();
    long repeated = Math.min(columns + Scratch.CHUNK_ELEMENTS, elements);
    MemorySegment owner = Arena.ofAuto().allocate(Math.max(1, repeated) * Float.BYTES, 64);
    FloatSource source = FloatSource.of(tensor);
    try (Scratch scratch = Scratch.borrow()) {
      for (long first = 0; first < columns; first += Scratch.CHUNK_ELEMENTS) {
        int count = (int) Math.min(Scratch.CHUNK_ELEMENTS, columns - first);
        MemorySegment values = source.read(first, count, scratch);
        MemorySegment.copy(values, 0, owner, first * Float.BYTES, (long) count * Float.BYTES);
      }
    }
    requireWeights(owner, columns);
    for (long done = columns; done < repeated; done += columns) {
      long count = Math.min(columns, repeated - done);
      MemorySegment.copy(owner, 0, owner, done * Float.BYTES, count * Float.BYTES);
    }
    return new Importance(Math.max(1, columns), owner);
  }

  private static void requireWeights(MemorySegment importances, long count) {
    for (long i = 0; i < count; i++) {
      float importance = importances.getAtIndex(JAVA_FLOAT, i);
      if (!(importance >= 0) || Float.isInfinite(importance)) {
        throw new TensorException(
            ErrorCode.NON_FINITE,
            "",
            i,
            "importance " + i + " is " + importance + "; importances are finite and not negative",
            null);
      }
    }
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
