package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a scheme may take beside a tensor: a float for each of its columns or rows. */
enum SideVector {
  /** How much the errors of a column count. */
  IMPORTANCES("importance", "importances", "a row of %s has %d columns", "column"),
  /** The greatest magnitude that activations have in a column. */
  ACTIVATIONS(
      "activation magnitude", "activation magnitudes", "a row of %s has %d columns", "column"),
  /** To which timestep a row belongs. */
  TIMESTEPS("timestep", "timesteps", "%s has %d rows", "row");

  private final String one;
  private final String many;
  private final String expectation;
  private final String place;

  SideVector(String one, String many, String expectation, String place) {
    this.one = one;
    this.many = many;
    this.expectation = expectation;
    this.place = place;
  }

  /** What a scheme takes, if anything. */
  static Optional<SideVector> find(QuantScheme scheme) {
    return switch (scheme) {
      case BlockScheme block when block.takesImportance() -> Optional.of(IMPORTANCES);
      case UniformTimeScheme _ -> Optional.of(TIMESTEPS);
      case UniformSpatialScheme _ -> Optional.of(ACTIVATIONS);
      case BlockScheme _,FloatScheme _,GroupScheme _,HqqScheme _,UniformScheme _ ->
          Optional.empty();
    };
  }

  /**
   * What a scheme takes.
   *
   * @throws TensorException without a name, if it takes nothing; with the schemes that do
   */
  static SideVector of(QuantScheme scheme) {
    return find(scheme)
        .orElseThrow(
            () -> new TensorException(
                ErrorCode.BAD_SHAPE,
                scheme + " takes no importances; these schemes do: " + takers()));
  }

  /** The schemes that take something, in words. */
  static String takers() {
    String importances =
        Arrays.stream(BlockScheme.values())
            .filter(BlockScheme::takesImportance)
            .map(BlockScheme::family)
            .collect(Collectors.joining(", "));
    return importances + "; uniform:time=10 takes timesteps, and uniform:spatial=true magnitudes of"
        + " activations";
  }

  /** How many there must be for a tensor. */
  long count(TensorType quantized) {
    if (quantized.shape().elementCount() == 0) {
      return 0;
    }
    Shape matrix = quantized.shape().flattenedToMatrix();
    return this == TIMESTEPS ? matrix.dimension(0) : matrix.rowLength();
  }

  /**
   * Checks dtype and number.
   *
   * @throws TensorException without a name, with what would be taken
   */
  void require(TensorType quantized, TensorType vector) {
    if (vector.dtype() != DType.F32) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE, many + " are float32, not " + vector.dtype());
    }
    long count = count(quantized);
    if (vector.shape().elementCount() != count) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          String.format(expectation, quantized, count) + ", but there are "
              + vector.shape().elementCount() + " " + many + "; give one for each " + place);
    }
  }

  /**
   * Copies a vector.
   *
   * @param tensor of a type that was {@linkplain #require required}
   * @param target native float32 for at least as many
   * @throws TensorException {@link ErrorCode#NON_FINITE} with the index of the first value that is
   *     negative, NaN or infinite
   */
  void copy(Tensor tensor, MemorySegment target) {
    long count = tensor.shape().elementCount();
    FloatSource source = FloatSource.of(tensor);
    try (Scratch scratch = Scratch.borrow()) {
      for (long first = 0; first < count; first += Scratch.CHUNK_ELEMENTS) {
        int length = (int) Math.min(Scratch.CHUNK_ELEMENTS, count - first);
        MemorySegment values = source.read(first, length, scratch);
        MemorySegment.copy(
            values, 0, target, first * Float.BYTES, (long) length * Float.BYTES);
      }
    }
    for (long i = 0; i < count; i++) {
      float value = target.getAtIndex(JAVA_FLOAT, i);
      if (!(value >= 0) || Float.isInfinite(value)) {
        throw new TensorException(
            ErrorCode.NON_FINITE,
            "",
            i,
            one + " " + i + " is " + value + "; " + many + " are finite and not negative",
            null);
      }
    }
  }

  /** As {@link #copy}, into an array. */
  float[] floats(Tensor tensor) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment target = arena.allocate(JAVA_FLOAT, tensor.shape().elementCount());
      copy(tensor, target);
      return target.toArray(JAVA_FLOAT);
    }
  }
}
