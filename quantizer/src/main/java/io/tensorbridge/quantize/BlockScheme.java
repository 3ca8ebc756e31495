package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.internal.kernel.BlockFormat;
import java.util.List;
import java.util.Locale;

/**
 * The block types of ggml: every block of a row becomes the same number of bytes, scales included.
 *
 * <p>The bytes equal those of ggml's reference quantizers ({@code ggml-quants.c}, ggml 0.21.0).
 */
public enum BlockScheme implements QuantScheme {
  /** 32 elements in 34 bytes: an fp16 scale and 32 signed bytes. */
  Q8_0(BlockFormat.Q8_0),
  /** 32 elements in 18 bytes: an fp16 scale and 32 nibbles. */
  Q4_0(BlockFormat.Q4_0),
  /** 32 elements in 20 bytes: an fp16 scale, an fp16 minimum and 32 nibbles. */
  Q4_1(BlockFormat.Q4_1),
  /** 32 elements in 22 bytes: an fp16 scale and 32 codes of 5 bits. */
  Q5_0(BlockFormat.Q5_0),
  /** 32 elements in 24 bytes: an fp16 scale, an fp16 minimum and 32 codes of 5 bits. */
  Q5_1(BlockFormat.Q5_1),
  /** 32 elements in 17 bytes: a power of two and 32 floats of 4 bits (OCP MXFP4). */
  MXFP4(BlockFormat.MXFP4),
  /** 64 elements in 36 bytes: a float of 8 bits for each 16 of 64 floats of 4 bits. */
  NVFP4(BlockFormat.NVFP4),
  /** 32 elements in 18 bytes: an fp16 scale and 32 nibbles, codes of a table of 16 values. */
  IQ4_NL(BlockFormat.IQ4_NL),
  /** 256 elements in 84 bytes: codes of 2 bits, scales and minima of 4 bits for each 16. */
  Q2_K(BlockFormat.Q2_K),
  /** 256 elements in 110 bytes: codes of 3 bits, scales of 6 bits for each 16. */
  Q3_K(BlockFormat.Q3_K),
  /** 256 elements in 144 bytes: 4 bits, and for each 32 a scale and a minimum of 6 bits. */
  Q4_K(BlockFormat.Q4_K),
  /** 256 elements in 176 bytes: 5 bits, and for each 32 a scale and a minimum of 6 bits. */
  Q5_K(BlockFormat.Q5_K),
  /** 256 elements in 210 bytes: 6 bits, and for each 16 a scale of 8 bits. */
  Q6_K(BlockFormat.Q6_K);

  private final BlockFormat format;

  BlockScheme(BlockFormat format) {
    this.format = format;
  }

  BlockFormat format() {
    return format;
  }

  /**
   * The size of a block.
   *
   * @return bytes for {@link #blockElements()} elements
   */
  public int blockBytes() {
    return format.blockBytes();
  }

  /**
   * Whether errors may count more in some columns than in others, as with ggml's importance
   * matrices.
   *
   * @return true if {@link Quantization#withImportance} takes importances
   */
  public boolean takesImportance() {
    return format.takesImportance();
  }

  @Override
  public String family() {
    return name().toLowerCase(Locale.ROOT);
  }

  @Override
  public int blockElements() {
    return format.blockElements();
  }

  @Override
  public List<OutputSpec> parts(Shape shape) {
    if (!fits(shape)) {
      throw SchemeParser.notDivisible(this, shape);
    }
    long bytes = shape.elementCount() / blockElements() * blockBytes();
    return List.of(new OutputSpec("data", new TensorType(DType.U8, Shape.of(bytes))));
  }

  @Override
  public String toString() {
    return family();
  }
}
