package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.FileBackedRun;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.internal.kernel.BlockFormat;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What several ControlNets add to one of a UNet's tensors, {@code base + w_1 * r_1 + w_2 * r_2 +
 * ...}; immutable and thread-safe.
 *
 * <p>A ControlNet gives a residual for each skip connection of the UNet's encoder and one for its
 * middle: 13 tensors for SD 1.5, 10 for SDXL. Weights are rounded to float32, all products and sums
 * are float32 in the order given, without a fused multiply-add, and the result is rounded once, half
 * to even. So the bytes are those of NumPy and torch in float32 with one cast at the end, for any
 * number of threads. Without a base the first product that is not skipped begins the sum.
 *
 * <p>A residual with the weight 0 is never read, whatever it holds. A NaN of the result is the
 * positive quiet one with no payload.
 */
public final class ControlSum {
  /** Where the tensor is that the residuals are added to. */
  public enum Base {
    /** It is an input. */
    INPUT,
    /** There is none: the residuals are added to each other. */
    NONE,
    /** It lies where the result shall lie, and is replaced by it. */
    OUTPUT;

    /**
     * Reads a name.
     *
     * @param text {@code input}, {@code none} or {@code output}, in any case
     * @return the place
     * @throws OptionException if it is another name
     */
    public static Base parse(String text) {
      return switch (text.toLowerCase(Locale.ROOT)) {
        case "input" -> INPUT;
        case "none" -> NONE;
        case "output" -> OUTPUT;
        default ->
            throw new OptionException(
                ErrorCode.BAD_OPTION,
                "base",
                "\"" + text + "\" is not possible; take input, none or output");
      };
    }
  }

  /** What becomes of NaN and infinity in the result. */
  public enum Overflow {
    /** The sum fails; a base that lies in the output is lost. */
    ERROR,
    /** They stay. */
    KEEP;

    /**
     * Reads a name.
     *
     * @param text {@code error} or {@code keep}, in any case
     * @return the policy
     * @throws OptionException if it is another name
     */
    public static Overflow parse(String text) {
      return switch (text.toLowerCase(Locale.ROOT)) {
        case "error" -> ERROR;
        case "keep" -> KEEP;
        default ->
            throw new OptionException(
                ErrorCode.BAD_OPTION,
                "nonfinite",
                "\"" + text + "\" is not possible; take error or keep");
      };
    }
  }

  private final Base base;
  private final Overflow overflow;
  private final List<TensorType> inputs;
  private final TensorType type;

  private ControlSum(Base base, Overflow overflow, List<TensorType> inputs, TensorType type) {
    this.base = base;
    this.overflow = overflow;
    this.inputs = List.copyOf(inputs);
    this.type = type;
  }

  /**
   * Checks what is to be added up.
   *
   * @param base where the base is
   * @param inputs the types of the weights (float32 or float64, one for each residual), of the base
   *     if it is an input, and of the residuals; all but the weights have one shape, each is
   *     float32, float16 or bfloat16
   * @param dtype of the result; if not given that of the base or, where that is no input, of the
   *     first residual
   * @param overflow what becomes of NaN and infinity
   * @return the proof
   * @throws TensorException if the types don't fit
   */
  public static ControlSum of(
      Base base, List<TensorType> inputs, Optional<DType> dtype, Overflow overflow) {
    int firstResidual = base == Base.INPUT ? 2 : 1;
    if (inputs.size() <= firstResidual) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "control_sum takes the weights, " + (base == Base.INPUT ? "the base, " : "")
              + "and at least one residual, not " + inputs.size() + " tensors");
    }
    requireWeights(inputs.getFirst(), inputs.size() - firstResidual);
    Shape shape = inputs.get(1).shape();
    for (int i = 1; i < inputs.size(); i++) {
      TensorType input = inputs.get(i);
      requireSummable(input.dtype(), name(base, i));
      if (!input.shape().equals(shape)) {
        throw new TensorException(
            ErrorCode.BAD_SHAPE,
            name(base, i) + " has the shape " + input.shape() + ", " + name(base, 1) + " has "
                + shape + "; they must be the same");
      }
    }
    DType target = dtype.orElse(inputs.get(1).dtype());
    requireSummable(target, "the result");
    return new ControlSum(base, overflow, inputs, new TensorType(target, shape));
  }

  private static void requireWeights(TensorType weights, int residuals) {
    if (weights.dtype() != DType.F32 && weights.dtype() != DType.F64) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          "the weights, the first input, are " + weights + "; float32 and float64 are possible");
    }
    if (weights.shape().elementCount() != residuals) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          weights.shape().elementCount() + " weights, the first input, for " + residuals
              + " residuals; each has one");
    }
  }

  private static void requireSummable(DType dtype, String what) {
    if (dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          what + " can't be " + dtype.numpyName() + "; float32, float16 and bfloat16 are possible");
    }
  }

  /** What an input is, for messages. */
  static String name(Base base, int input) {
    int firstResidual = base == Base.INPUT ? 2 : 1;
    return input < firstResidual ? "the base" : "residual " + (input - firstResidual);
  }

  /**
   * The type of the result.
   *
   * @return its dtype, and the shape of all
   */
  public TensorType type() {
    return type;
  }

  /**
   * The memory traffic of one sum.
   *
   * @return bytes read and written, at least 1
   */
  public long workBytes() {
    long sum = base == Base.OUTPUT ? type.byteLength() : 0;
    for (TensorType input : inputs) {
      sum += input.byteLength();
    }
    return Math.max(1, sum + type.byteLength());
  }

  /** Prepares the fastest kernels in the background, for much work to come. */
  public void warmUp() {
    Kernels kernels = Kernels.shared();
    List<TensorType> summands = inputs.subList(1, inputs.size());
    if (summands.stream().allMatch(input -> input.dtype() == type.dtype())) {
      kernels.weightedSum(ControlSumming.format(type.dtype())).train();
      return;
    }
    kernels.weightedSum(BlockFormat.F32).train();
    for (TensorType input : summands) {
      if (input.dtype() != DType.F32) {
        kernels.dequantizing(ControlSumming.format(input.dtype())).train();
      }
    }
    if (type.dtype() != DType.F32) {
      kernels.quantizing(ControlSumming.format(type.dtype())).train();
    }
  }

  Base base() {
    return base;
  }

  Overflow overflow() {
    return overflow;
  }

  /**
   * Prepares one sum.
   *
   * @param tensors of the planned types, with any strides and backing; the weights are read now
   * @param output row-major, of {@link #type()}; overlaps no input
   * @return the run; it keeps the tensors until its last chunk has ended
   * @throws TensorException if a type is not as planned, or a weight is NaN or infinite as float32
   */
  public OpRun bind(List<Tensor> tensors, Tensor output) {
    List<TensorType> given = tensors.stream().map(Tensor::type).toList();
    if (!given.equals(inputs) || !output.type().equals(type) || !output.isRowMajor()) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          given + " to " + output.type() + " was given where " + inputs + " to " + type
              + " was planned");
    }
    float[] weights = weights(tensors.getFirst());
    return FileBackedRun.watch(
        tensors, new ControlSumming(this, weights, tensors, output));
  }

  private static float[] weights(Tensor tensor) {
    int count = Math.toIntExact(tensor.shape().elementCount());
    float[] weights = new float[count];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(ValueLayout.JAVA_FLOAT, count);
      FloatSource.of(tensor).read(0, values);
      MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, 0, weights, 0, count);
    }
    for (int i = 0; i < count; i++) {
      if (!Float.isFinite(weights[i])) {
        throw new TensorException(
            ErrorCode.NON_FINITE,
            "weight " + i + " is " + weights[i] + " as float32; weights must be finite");
      }
    }
    return weights;
  }

  /**
   * Adds up at once.
   *
   * @param tensors as for {@link #bind}
   * @param output as for {@link #bind}
   * @param threads how many may work, at least 1; the calling one is among them
   * @throws TensorException if the result is not finite and must be
   */
  public void run(List<Tensor> tensors, Tensor output, int threads) {
    Work.run(workBytes(), bind(tensors, output), threads);
  }
}
