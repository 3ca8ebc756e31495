package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.internal.kernel.GroupFormat;
import java.util.List;

/**
 * 8-bit floats with scales: {@code x = code * scale}, where {@code scale} is the greatest magnitude
 * divided by the greatest value of the type, 448 or 57344, as torchao and compressed-tensors have it;
 * of zeros alone it is 2^-23. The first part is {@code data} (uint8, the bytes of the codes in C
 * order), the other one has the scales (float32).
 *
 * <p>A plain cast is {@link FloatScheme#FP8_E4M3} or {@link FloatScheme#FP8_E5M2}.
 *
 * <p>With {@link NonFinite#CLIP}, infinities become the greatest finite magnitude of the tensor, the
 * row, or the band of 128 rows.
 *
 * @param type which of the two types
 * @param scale which elements share a scale
 */
public record Fp8Scheme(FloatScheme type, Scale scale) implements GroupScheme {
  private static final int TILE = 128;
  private static final int MAX_TILED_COLUMNS = 8 << 20;

  /** Which elements share a scale. */
  public enum Scale {
    /** All of the tensor: {@code scales} has the shape {@code (1,)}. */
    TENSOR("tensor"),
    /** Each row: {@code scales} has the shape {@code (rows,)}. */
    ROW("row"),
    /**
     * Tiles of 128 rows and 128 columns, as DeepSeek has them: {@code scales} has the shape {@code
     * (ceil(rows / 128), ceil(columns / 128))}.
     */
    BLOCK("block");

    private final String text;

    Scale(String text) {
      this.text = text;
    }

    /**
     * The scale as users write it.
     *
     * @return {@code tensor}, {@code row} or {@code block}
     */
    @Override
    public String toString() {
      return text;
    }
  }

  /** Checks the type. */
  public Fp8Scheme {
    if (type != FloatScheme.FP8_E4M3 && type != FloatScheme.FP8_E5M2) {
      throw new IllegalArgumentException(type + " has no scales");
    }
  }

  /** The plain cast, or with scales if {@code scale} says so. */
  static QuantScheme of(FloatScheme type, SchemeOptions options) {
    List<String> choices = List.of("none", "tensor", "row", "block");
    String scale = options.choice("scale", choices);
    return scale.equals("none")
        ? type
        : new Fp8Scheme(type, Scale.values()[choices.indexOf(scale) - 1]);
  }

  GroupCoding coding(Shape shape) {
    boolean e4m3 = type == FloatScheme.FP8_E4M3;
    return switch (scale) {
      case TENSOR ->
          new GroupCoding(
              e4m3 ? GroupFormat.FP8_E4M3_TENSOR : GroupFormat.FP8_E5M2_TENSOR,
              GroupGrid.flat(shape, TILE));
      case ROW ->
          new GroupCoding(
              e4m3 ? GroupFormat.FP8_E4M3_ROW : GroupFormat.FP8_E5M2_ROW, GroupGrid.ofRows(shape));
      case BLOCK ->
          new GroupCoding(
              e4m3 ? GroupFormat.FP8_E4M3_TILE : GroupFormat.FP8_E5M2_TILE,
              GroupGrid.flat(shape, TILE * tiledColumns(shape)));
    };
  }

  private int tiledColumns(Shape shape) {
    long columns = Math.max(1, shape.flattenedToMatrix().rowLength());
    if (columns > MAX_TILED_COLUMNS) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "a row of " + columns + " elements is too long for tiles of 128 x 128; take "
              + type + ":scale=row or scale=tensor");
    }
    return (int) columns;
  }

  @Override
  public String family() {
    return type.family();
  }

  @Override
  public int blockElements() {
    return 1;
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    return List.of(
        new OutputSpec("data", new TensorType(DType.U8, Shape.of(shape.elementCount()))),
        new OutputSpec("scales", new TensorType(DType.F32, scaleShape(shape))));
  }

  private Shape scaleShape(Shape shape) {
    if (shape.elementCount() == 0) {
      return Shape.of(0);
    }
    long rows = shape.flattenedToMatrix().dimension(0);
    return switch (scale) {
      case TENSOR -> Shape.of(1);
      case ROW -> Shape.of(rows);
      case BLOCK -> Shape.of(Math.ceilDiv(rows, TILE), Math.ceilDiv(tiledColumns(shape), TILE));
    };
  }

  @Override
  public String toString() {
    return family() + ":scale=" + scale;
  }
}
