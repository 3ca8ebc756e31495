package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.internal.kernel.BlockFormat;
import java.util.List;
import java.util.Locale;

/**
 * Plain floats, rounded to nearest even: the {@code data} part holds the elements in C order.
 *
 * <p>A finite value beyond the range of {@link #F16}, {@link #BF16} or {@link #FP8_E5M2} becomes
 * infinite, as in NumPy, ggml and torch. {@link #FP8_E4M3} has no infinity: such a value becomes the
 * greatest one, as in torch since 2.13 (ml_dtypes makes NaN of it beyond 464).
 */
public enum FloatScheme implements QuantScheme {
  /** IEEE 754 binary32: nothing is lost of float32 and narrower inputs. */
  F32(DType.F32, BlockFormat.F32, Float.MAX_VALUE),
  /** IEEE 754 binary16. */
  F16(DType.F16, BlockFormat.F16, 65504),
  /** The upper half of a binary32. */
  BF16(DType.BF16, BlockFormat.BF16, 0x1.fep127f),
  /** 8 bits with 4 of exponent and 3 of mantissa, without infinity; OCP FP8 1.0. */
  FP8_E4M3(DType.F8_E4M3, BlockFormat.F8_E4M3, 448),
  /** 8 bits with 5 of exponent and 2 of mantissa; OCP FP8 1.0. */
  FP8_E5M2(DType.F8_E5M2, BlockFormat.F8_E5M2, 57344);

  private final DType dtype;
  private final BlockFormat format;
  private final float maxValue;

  FloatScheme(DType dtype, BlockFormat format, float maxValue) {
    this.dtype = dtype;
    this.format = format;
    this.maxValue = maxValue;
  }

  BlockFormat format() {
    return format;
  }

  float maxValue() {
    return maxValue;
  }

  /**
   * The encoding of the elements in {@code data}.
   *
   * @return the dtype under which the bytes can be seen in the tensor's own shape
   */
  public DType dtype() {
    return dtype;
  }

  @Override
  public String family() {
    return name().toLowerCase(Locale.ROOT);
  }

  @Override
  public int blockElements() {
    return 1;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    long bytes = new TensorType(dtype, shape).byteLength();
    return List.of(new OutputSpec("data", new TensorType(DType.U8, Shape.of(bytes))));
  }

  @Override
  public String toString() {
    return family();
  }
}
