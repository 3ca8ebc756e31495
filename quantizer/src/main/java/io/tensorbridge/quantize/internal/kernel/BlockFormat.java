package io.tensorbridge.quantize.internal.kernel;

/** Encodings whose blocks all have the same number of elements and of bytes. */
public enum BlockFormat {
  /** IEEE 754 binary32. */
  F32(1, Float.BYTES),
  /** IEEE 754 binary16. */
  F16(1, Short.BYTES),
  /** The upper half of a binary32. */
  BF16(1, Short.BYTES),
  /** An 8-bit float with 4 bits of exponent and 3 of mantissa. */
  F8_E4M3(1, Byte.BYTES),
  /** An 8-bit float with 5 bits of exponent and 2 of mantissa. */
  F8_E5M2(1, Byte.BYTES),
  /** See {@link Q80Layout}. */
  Q8_0(Q80Layout.ELEMENTS, Q80Layout.BYTES),
  /** See {@link Q40Layout}. */
  Q4_0(Q40Layout.ELEMENTS, Q40Layout.BYTES),
  /** See {@link Q41Layout}. */
  Q4_1(Q41Layout.ELEMENTS, Q41Layout.BYTES),
  /** See {@link Q50Layout}. */
  Q5_0(Q50Layout.ELEMENTS, Q50Layout.BYTES),
  /** See {@link Q51Layout}. */
  Q5_1(Q51Layout.ELEMENTS, Q51Layout.BYTES),
  /** See {@link Mxfp4Layout}. */
  MXFP4(Mxfp4Layout.ELEMENTS, Mxfp4Layout.BYTES),
  /** See {@link Nvfp4Layout}. */
  NVFP4(Nvfp4Layout.ELEMENTS, Nvfp4Layout.BYTES),
  /** See {@link Iq4NlLayout}. */
  IQ4_NL(Iq4NlLayout.ELEMENTS, Iq4NlLayout.BYTES),
  /** See {@link Q2KLayout}. */
  Q2_K(SuperBlock.ELEMENTS, Q2KLayout.BYTES),
  /** See {@link Q3KLayout}. */
  Q3_K(SuperBlock.ELEMENTS, Q3KLayout.BYTES),
  /** See {@link ScaleMinLayout}. */
  Q4_K(SuperBlock.ELEMENTS, ScaleMinLayout.Q4_K.byteLength()),
  /** See {@link ScaleMinLayout}. */
  Q5_K(SuperBlock.ELEMENTS, ScaleMinLayout.Q5_K.byteLength()),
  /** See {@link Q6KLayout}. */
  Q6_K(SuperBlock.ELEMENTS, Q6KLayout.BYTES);

  private final int blockElements;
  private final int blockBytes;

  BlockFormat(int blockElements, int blockBytes) {
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
  }

  /**
   * The elements of a block.
   *
   * @return at least 1
   */
  public int blockElements() {
    return blockElements;
  }

  /**
   * The size of a block.
   *
   * @return bytes
   */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * Whether both twins are {@link ImportanceKernel}s, too.
   *
   * @return true for the K types of ggml and {@code iq4_nl}
   */
  public boolean takesImportance() {
    return switch (this) {
      case Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL -> true;
      case F32, F16, BF16, F8_E4M3, F8_E5M2, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, MXFP4, NVFP4 -> false;
    };
  }

  /** How soon the vector twin that quantizes is needed. */
  TrainingPace pace() {
    return switch (this) {
      case F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, MXFP4, NVFP4, F8_E4M3, F8_E5M2 ->
          TrainingPace.PATIENT;
      case IQ4_NL, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K -> TrainingPace.EAGER;
    };
  }

  /** The reference in plain Java. */
  BlockKernel scalar() {
    return switch (this) {
      case F32 -> new ScalarF32();
      case F16 -> new ScalarF16();
      case BF16 -> new ScalarBf16();
      case F8_E4M3 -> new ScalarFloat8(SmallFloat.E4M3);
      case F8_E5M2 -> new ScalarFloat8(SmallFloat.E5M2);
      case Q8_0 -> new ScalarQ80();
      case Q4_0 -> new ScalarQ40();
      case Q4_1 -> new ScalarQ41();
      case Q5_0 -> new ScalarQ50();
      case Q5_1 -> new ScalarQ51();
      case MXFP4 -> new ScalarMxfp4();
      case NVFP4 -> new ScalarNvfp4();
      case IQ4_NL -> new ScalarIq4Nl();
      case Q2_K -> new ScalarQ2K();
      case Q3_K -> new ScalarQ3K();
      case Q4_K -> new ScalarScaleMin(ScaleMinLayout.Q4_K);
      case Q5_K -> new ScalarScaleMin(ScaleMinLayout.Q5_K);
      case Q6_K -> new ScalarQ6K();
    };
  }

  /**
   * Whether there is a vector twin; what has none is a plain copy.
   *
   * @return false if the scalar twin always serves
   */
  public boolean hasVector() {
    return this != F32;
  }

  /** The vector twin; only with the module {@code jdk.incubator.vector}. */
  BlockKernel vector() {
    return switch (this) {
      case F32 -> throw new UnsupportedOperationException(name());
      case F16 -> new VectorF16();
      case BF16 -> new VectorBf16();
      case F8_E4M3 -> new VectorFloat8(SmallFloat.E4M3);
      case F8_E5M2 -> new VectorFloat8(SmallFloat.E5M2);
      case Q8_0 -> new VectorQ80();
      case Q4_0 -> new VectorQ40();
      case Q4_1 -> new VectorQ41();
      case Q5_0 -> new VectorQ50();
      case Q5_1 -> new VectorQ51();
      case MXFP4 -> new VectorMxfp4();
      case NVFP4 -> new VectorNvfp4();
      case IQ4_NL -> new VectorIq4Nl();
      case Q2_K -> new VectorQ2K();
      case Q3_K -> new VectorQ3K();
      case Q4_K -> new VectorScaleMin(ScaleMinLayout.Q4_K);
      case Q5_K -> new VectorScaleMin(ScaleMinLayout.Q5_K);
      case Q6_K -> new VectorQ6K();
    };
  }
}
