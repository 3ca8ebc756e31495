package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code uniform} of a weight whose columns, the input channels, are equalized first: each is divided
 * by its channel scale {@code eq = sqrt(max|W_j| / max|X_j|)}. The greatest activations {@code
 * max|X_j|} are a second input ({@link Quantization#withImportance}); without it they count as 1.
 *
 * <p>Who multiplies activations by the channel scales has {@code (X * eq) (W / eq)^T = X W^T}, with
 * outliers of activations smoothed into the weights: SmoothQuant (Xiao et al., 2023, equation 4) with
 * a migration strength of 1/2. Dequantizing multiplies the weights instead, and gives them back. The
 * NumPy reference is in {@code docs/uniform.md}.
 *
 * @param plain how equalized weights are quantized
 */
public record UniformSpatialScheme(UniformScheme plain) implements QuantScheme {
  static final String OPTION = "spatial";

  /** The scales of all columns are kept in memory, for each thread. */
  private static final long MAX_COLUMNS = 1L << 20;

  @Override
  public String family() {
    return plain.family();
  }

  @Override
  public int blockElements() {
    return 1;
  }

  @Override
  public boolean fits(Shape shape) {
    return columns(shape) <= MAX_COLUMNS;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    long columns = columns(shape);
    if (columns > MAX_COLUMNS) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "a row of " + shape + " has " + columns + " columns, but " + this + " takes at most "
              + MAX_COLUMNS + "; quantize with " + plain);
    }
    List<OutputSpec> parts = new ArrayList<>(plain.parts(shape));
    TensorType scales = new TensorType(DType.F32, Shape.of(columns));
    parts.add(new OutputSpec("channel_scales", scales));
    return List.copyOf(parts);
  }

  /** Which part is the channel scales. */
  int scalesPart() {
    return plain.symmetric() ? 2 : 3;
  }

  static long columns(Shape shape) {
    return shape.elementCount() == 0 ? 0 : shape.flattenedToMatrix().rowLength();
  }

  @Override
  public String toString() {
    return plain + "," + OPTION + "=true";
  }
}
