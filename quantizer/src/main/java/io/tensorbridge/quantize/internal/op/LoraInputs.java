package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.Options;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.lora.LoraFactors;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where the factors lie among the inputs of {@code quantize_lora}; an instance is the proof that
 * their shapes fit the weight.
 *
 * <pre>
 *   0 weight   1 strengths   2 down   3 up   [4 magnitude]   down   up   ...
 * </pre>
 *
 * @param parts the first input of each part, and whether it is a DoRA
 */
record LoraInputs(List<Part> parts) {
  private static final int FIRST_PART = 2;

  /** As adapters are read from files. */
  private static final int LARGEST_RANK = Short.MAX_VALUE;

  /** Factors are copied, so strides of 0 must not make them larger than memory. */
  private static final long LARGEST_FACTORS = 1L << 30;

  /** A part: its index, where its {@code down} is, and whether a magnitude follows its {@code up}. */
  record Part(int index, int down, boolean isDora) {
    String text() {
      return "part " + index + " (down is input " + down + ", up " + (down + 1)
          + (isDora ? ", magnitude " + (down + 2) + ")" : ")");
    }
  }

  /**
   * Reads the option {@code parts} and checks all inputs.
   *
   * @throws TensorException {@link ErrorCode#BAD_SHAPE} or {@link ErrorCode#UNSUPPORTED_DTYPE}
   * @throws OptionException if the option is malformed
   */
  static LoraInputs of(List<TensorType> inputs, Options options) {
    if (inputs.size() < FIRST_PART) {
      throw broken(
          "quantize_lora takes a weight, the strengths, then down and up of each part, not "
              + inputs.size() + " tensors");
    }
    List<Part> parts = parts(inputs.size(), options.get("parts", ""));
    TensorType strengths = inputs.get(1);
    if (strengths.dtype() != DType.F64) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          "the strengths (input 1) are " + strengths + ", not float64");
    }
    if (strengths.shape().rank() != 1 || strengths.shape().elementCount() != parts.size()) {
      throw broken(
          "there are " + parts.size() + " parts, but the strengths (input 1) are " + strengths);
    }
    FloatSource.requireFloats(inputs.getFirst());
    inputs.subList(FIRST_PART, inputs.size()).forEach(FloatSource::requireFloats);
    Shape weight = inputs.getFirst().shape();
    if (weight.rank() < 2) {
      throw broken("the weight is " + inputs.getFirst() + "; adapters change matrices");
    }
    long bytes = 0;
    for (Part part : parts) {
      bytes += require(part, inputs, weight.flattenedToMatrix());
      if (bytes > LARGEST_FACTORS) {
        throw broken("the factors take more than " + LARGEST_FACTORS + " bytes");
      }
    }
    return new LoraInputs(parts);
  }

  private static List<Part> parts(int inputCount, String text) {
    List<Part> parts = new ArrayList<>();
    int next = FIRST_PART;
    if (text.isBlank()) {
      for (; next < inputCount; next += 2) {
        parts.add(new Part(parts.size(), next, false));
      }
    } else {
      for (String word : text.split(",", -1)) {
        boolean isDora = switch (word.strip()) {
          case "lora" -> false;
          case "dora" -> true;
          default -> throw new OptionException(
              ErrorCode.BAD_OPTION,
              "parts",
              "\"" + text + "\" is not possible; write lora or dora for each part: lora,dora");
        };
        parts.add(new Part(parts.size(), next, isDora));
        next += isDora ? 3 : 2;
      }
    }
    if (next != inputCount) {
      throw broken(
          parts.size() + " parts take " + next + " inputs, but there are " + inputCount
              + "; each part has down and up, and a dora its magnitude");
    }
    return List.copyOf(parts);
  }

  /** Checks the shapes of a part and gives its bytes as float32. */
  private static long require(Part part, List<TensorType> inputs, Shape matrix) {
    TensorType down = inputs.get(part.down);
    TensorType up = inputs.get(part.down + 1);
    String shapes = part.text() + ": down is " + down + " and up " + up;
    if (down.shape().rank() < 2 || up.shape().rank() < 2) {
      throw broken(shapes + "; they are [rank, columns] and [rows, rank]");
    }
    long rank = down.shape().dimension(0);
    if (rank != up.shape().dimension(1)) {
      throw broken(shapes + ", of different ranks");
    }
    if (rank < 1 || rank > LARGEST_RANK) {
      throw broken(shapes + "; a rank is 1 to " + LARGEST_RANK);
    }
    long rows = up.shape().dimension(0);
    long columns = down.shape().elementCount() / rank;
    if (up.shape().elementCount() != rows * rank
        || rows != matrix.dimension(0)
        || columns != matrix.rowLength()) {
      throw broken(shapes + ", but the weight has " + matrix + " rows and columns");
    }
    long bytes = rank * (rows + columns) * Float.BYTES;
    if (!part.isDora) {
      return bytes;
    }
    TensorType magnitude = inputs.get(part.down + 2);
    if (magnitude.shape().elementCount() != rows) {
      throw broken(
          part.text() + ": the magnitudes are " + magnitude + ", one for each of " + rows
              + " rows is expected");
    }
    return bytes + rows * Float.BYTES;
  }

  private static TensorException broken(String what) {
    return new TensorException(ErrorCode.BAD_SHAPE, what);
  }

  /** The factors of all parts, in their order. */
  List<LoraFactors> factors(List<Tensor> inputs) {
    List<LoraFactors> factors = new ArrayList<>(parts.size());
    for (Part part : parts) {
      factors.add(
          new LoraFactors(
              part.text(),
              FloatSource.of(inputs.get(part.down)),
              FloatSource.of(inputs.get(part.down + 1)),
              part.isDora
                  ? Optional.of(FloatSource.of(inputs.get(part.down + 2)))
                  : Optional.empty()));
    }
    return factors;
  }
}
