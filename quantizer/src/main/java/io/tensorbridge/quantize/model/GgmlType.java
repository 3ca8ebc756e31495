package io.tensorbridge.quantize.model;

import io.tensorbridge.DType;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The element and block types of ggml (ggml.h and ggml-common.h, ggml 0.21), also those that are
 * only listed here and not computed with.
 */
public enum GgmlType {
  /** IEEE 754 binary32. */
  F32(0, 1, 4, DType.F32),
  /** IEEE 754 binary16. */
  F16(1, 1, 2, DType.F16),
  /** 4 bits and a scale. */
  Q4_0(2, 32, 18, null),
  /** 4 bits, a scale and a minimum. */
  Q4_1(3, 32, 20, null),
  /** 5 bits and a scale. */
  Q5_0(6, 32, 22, null),
  /** 5 bits, a scale and a minimum. */
  Q5_1(7, 32, 24, null),
  /** 8 bits and a scale. */
  Q8_0(8, 32, 34, null),
  /** 8 bits, a scale and a sum; for activations. */
  Q8_1(9, 32, 36, null),
  /** 2 bits in super-blocks. */
  Q2_K(10, 256, 84, null),
  /** 3 bits in super-blocks. */
  Q3_K(11, 256, 110, null),
  /** 4 bits in super-blocks. */
  Q4_K(12, 256, 144, null),
  /** 5 bits in super-blocks. */
  Q5_K(13, 256, 176, null),
  /** 6 bits in super-blocks. */
  Q6_K(14, 256, 210, null),
  /** 8 bits in super-blocks; for activations. */
  Q8_K(15, 256, 292, null),
  /** 2.06 bits by codebook. */
  IQ2_XXS(16, 256, 66, null),
  /** 2.31 bits by codebook. */
  IQ2_XS(17, 256, 74, null),
  /** 3.06 bits by codebook. */
  IQ3_XXS(18, 256, 98, null),
  /** 1.56 bits by codebook. */
  IQ1_S(19, 256, 50, null),
  /** 4 bits with a table of 16 values. */
  IQ4_NL(20, 32, 18, null),
  /** 3.44 bits by codebook. */
  IQ3_S(21, 256, 110, null),
  /** 2.56 bits by codebook. */
  IQ2_S(22, 256, 82, null),
  /** 4.25 bits with a table, in super-blocks. */
  IQ4_XS(23, 256, 136, null),
  /** Signed 8-bit integer. */
  I8(24, 1, 1, DType.I8),
  /** Signed 16-bit integer. */
  I16(25, 1, 2, DType.I16),
  /** Signed 32-bit integer. */
  I32(26, 1, 4, DType.I32),
  /** Signed 64-bit integer. */
  I64(27, 1, 8, DType.I64),
  /** IEEE 754 binary64. */
  F64(28, 1, 8, DType.F64),
  /** 1.75 bits by codebook. */
  IQ1_M(29, 256, 56, null),
  /** The upper half of a binary32. */
  BF16(30, 1, 2, DType.BF16),
  /** Ternary, 1.69 bits. */
  TQ1_0(34, 256, 54, null),
  /** Ternary, 2.06 bits. */
  TQ2_0(35, 256, 66, null),
  /** OCP MXFP4. */
  MXFP4(39, 32, 17, null),
  /** NVFP4 with one scale for 16 elements. */
  NVFP4(40, 64, 36, null),
  /** Binary with a scale. */
  Q1_0(41, 128, 18, null);

  private static final GgmlType[] ALL = values();

  private final int number;
  private final int blockElements;
  private final int blockBytes;
  private final @Nullable DType dtype;

  GgmlType(int number, int blockElements, int blockBytes, @Nullable DType dtype) {
    this.number = number;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.dtype = dtype;
  }

  /**
   * The number in GGUF files ({@code enum ggml_type}).
   *
   * @return the number
   */
  public int number() {
    return number;
  }

  /**
   * Elements of a block.
   *
   * @return 1 for plain elements
   */
  public int blockElements() {
    return blockElements;
  }

  /**
   * Bytes of a block.
   *
   * @return bytes
   */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * The dtype of plain elements.
   *
   * @return null for blocks
   */
  public @Nullable DType dtype() {
    return dtype;
  }

  /**
   * How a {@link io.tensorbridge.file.TensorEntry} names the type.
   *
   * @return for example {@code q8_0}
   */
  public String encoding() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * The type with an encoding.
   *
   * @param encoding a name in any case
   * @return null if ggml has no such type
   */
  public static @Nullable GgmlType ofEncoding(String encoding) {
    for (GgmlType type : ALL) {
      if (type.name().equalsIgnoreCase(encoding)) {
        return type;
      }
    }
    return null;
  }

  static @Nullable GgmlType ofNumber(long number) {
    for (GgmlType type : ALL) {
      if (type.number == number) {
        return type;
      }
    }
    return null;
  }
}
