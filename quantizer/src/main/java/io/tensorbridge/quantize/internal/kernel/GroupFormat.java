package io.tensorbridge.quantize.internal.kernel;

import io.tensorbridge.quantize.internal.kernel.ScaledFloat8.Extent;
import java.util.List;

/**
 * Encodings that keep the parameters of a group of elements apart from its codes. Part 0 holds the
 * codes; the further parts hold something for each group, or for the whole tensor.
 */
public enum GroupFormat {
  /** Signed bytes, see {@link Int8Rule#BITSANDBYTES}. */
  INT8_BITSANDBYTES(Part.bits(8), Part.bytesPerGroup(Float.BYTES)),
  /** Signed bytes, see {@link Int8Rule#TORCHAO}. */
  INT8_TORCHAO(Part.bits(8), Part.bytesPerGroup(Float.BYTES)),
  /** Signed bytes, see {@link Int8Rule#COMPRESSED_TENSORS}. */
  INT8_COMPRESSED_TENSORS(Part.bits(8), Part.bytesPerGroup(Float.BYTES)),
  /** Signed bytes, see {@link Int8Rule#QUANTO}. */
  INT8_QUANTO(Part.bits(8), Part.bytesPerGroup(Float.BYTES)),
  /** Two codes in a byte, see {@link FourBitCode#NF4}. */
  NF4(64, Part.bits(4), Part.bytesPerGroup(Float.BYTES)),
  /** Two codes in a byte, see {@link FourBitCode#FP4}. */
  FP4(64, Part.bits(4), Part.bytesPerGroup(Float.BYTES)),
  /** Integers, see {@link IntegerRule.Layout#ONNX}. */
  ONNX_4(64, Part.bitsOfFullGroups(4), Part.bytesPerGroup(Float.BYTES),
      Part.bitsPerGroup(4)),
  /** Integers, see {@link IntegerRule.Layout#ONNX}. */
  ONNX_4_SYMMETRIC(64, Part.bitsOfFullGroups(4), Part.bytesPerGroup(Float.BYTES)),
  /** Integers, see {@link IntegerRule.Layout#ONNX}. */
  ONNX_8(64, Part.bitsOfFullGroups(8), Part.bytesPerGroup(Float.BYTES),
      Part.bitsPerGroup(8)),
  /** Integers, see {@link IntegerRule.Layout#ONNX}. */
  ONNX_8_SYMMETRIC(64, Part.bitsOfFullGroups(8), Part.bytesPerGroup(Float.BYTES)),
  /** Integers, see {@link IntegerRule.Layout#COMPRESSED_TENSORS}. */
  COMPRESSED_4(64, Part.wholeInts(4), Part.bytesPerGroup(Float.BYTES),
      Part.bytesPerGroup(1)),
  /** Integers, see {@link IntegerRule.Layout#COMPRESSED_TENSORS}. */
  COMPRESSED_4_SYMMETRIC(64, Part.wholeInts(4), Part.bytesPerGroup(Float.BYTES)),
  /** Integers, see {@link IntegerRule.Layout#COMPRESSED_TENSORS}. */
  COMPRESSED_8(64, Part.wholeInts(8), Part.bytesPerGroup(Float.BYTES),
      Part.bytesPerGroup(1)),
  /** Integers, see {@link IntegerRule.Layout#COMPRESSED_TENSORS}. */
  COMPRESSED_8_SYMMETRIC(64, Part.wholeInts(8), Part.bytesPerGroup(Float.BYTES)),
  /** See {@link ScaledFloat8}. */
  FP8_E4M3_TENSOR(
      Part.bits(8), Part.ofTensor(amax -> ScaledFloat8.scale(SmallFloat.E4M3, amax))),
  /** See {@link ScaledFloat8}. */
  FP8_E4M3_ROW(Part.bits(8), Part.bytesPerGroup(Float.BYTES)),
  /** See {@link ScaledFloat8}. */
  FP8_E4M3_TILE(2 * ScaledFloat8.TILE * ScaledFloat8.TILE, Part.bits(8),
      Part.bytesPerTile(Float.BYTES)),
  /** See {@link ScaledFloat8}. */
  FP8_E5M2_TENSOR(
      Part.bits(8), Part.ofTensor(amax -> ScaledFloat8.scale(SmallFloat.E5M2, amax))),
  /** See {@link ScaledFloat8}. */
  FP8_E5M2_ROW(Part.bits(8), Part.bytesPerGroup(Float.BYTES)),
  /** See {@link ScaledFloat8}. */
  FP8_E5M2_TILE(2 * ScaledFloat8.TILE * ScaledFloat8.TILE, Part.bits(8),
      Part.bytesPerTile(Float.BYTES)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#FLOOR}. */
  MXFP8_E4M3_FLOOR(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#CEIL}. */
  MXFP8_E4M3_CEIL(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#EVEN}. */
  MXFP8_E4M3_EVEN(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#RCEIL}. */
  MXFP8_E4M3_RCEIL(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#FLOOR}. */
  MXFP8_E5M2_FLOOR(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#CEIL}. */
  MXFP8_E5M2_CEIL(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#EVEN}. */
  MXFP8_E5M2_EVEN(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#RCEIL}. */
  MXFP8_E5M2_RCEIL(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#FLOOR}. */
  MXFP4_FLOOR(ScalarMxFloat.GROUP, Part.bits(4), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#CEIL}. */
  MXFP4_CEIL(ScalarMxFloat.GROUP, Part.bits(4), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#EVEN}. */
  MXFP4_EVEN(ScalarMxFloat.GROUP, Part.bits(4), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxFloat}, {@link ExponentRounding#RCEIL}. */
  MXFP4_RCEIL(ScalarMxFloat.GROUP, Part.bits(4), Part.bytesPerGroup(1)),
  /** See {@link ScalarMxInt8}. */
  MXINT8(ScalarMxFloat.GROUP, Part.bits(8), Part.bytesPerGroup(1)),
  /** See {@link ScalarTwoLevelNvfp4}. */
  NVFP4_TWO_LEVEL(
      TwoLevelScale.GROUP,
      Part.bits(4),
      Part.bytesPerGroup(1),
      Part.ofTensor(TwoLevelScale::ofTensor));

  /** How many bytes a run of groups takes in a part. */
  @FunctionalInterface
  interface Part {
    /**
     * The size of a run.
     *
     * @param groupElements elements of a full group
     * @param elements elements of the run
     */
    long bytes(int groupElements, long elements);

    /** Whether it belongs to the whole tensor, so that kernels read it, whatever their run is. */
    default boolean isOfTensor() {
      return false;
    }

    /** Some bits for each element, the last byte padded. */
    static Part bits(int count) {
      return (groupElements, elements) -> Math.ceilDiv(elements * count, 8);
    }

    /** Some bits for each element, padded to a whole number of four bytes. */
    static Part wholeInts(int count) {
      return (groupElements, elements) -> Math.ceilDiv(elements * count, 32) * Integer.BYTES;
    }

    /** Some bits for each element, the last group padded to its full length. */
    static Part bitsOfFullGroups(int count) {
      return (groupElements, elements) -> Math.ceilDiv(elements, groupElements)
          * Math.ceilDiv((long) groupElements * count, 8);
    }

    /** Some bytes for each group, also for a shorter one. */
    static Part bytesPerGroup(int count) {
      return (groupElements, elements) -> count * Math.ceilDiv(elements, groupElements);
    }

    /** Some bits for each group, the last byte padded. */
    static Part bitsPerGroup(int count) {
      return (groupElements, elements) -> Math
          .ceilDiv(count * Math.ceilDiv(elements, groupElements), 8L);
    }

    /** Some bytes for each tile of 128 columns of each group, which is a band of 128 rows. */
    static Part bytesPerTile(int count) {
      int tile = ScaledFloat8.TILE * ScaledFloat8.TILE;
      return (groupElements, elements) -> Math.ceilDiv(elements, groupElements)
          * Math.ceilDiv(groupElements, tile) * count;
    }

    /** A float32 for the whole tensor. */
    static Part ofTensor(ScaleRule rule) {
      return new OfTensor(rule);
    }
  }

  /** Makes a scale of the greatest magnitude. */
  @FunctionalInterface
  interface ScaleRule {
    /** The scale for a finite magnitude. */
    float of(float amax);
  }

  private record OfTensor(ScaleRule rule) implements Part {
    @Override
    public long bytes(int groupElements, long elements) {
      return Float.BYTES;
    }

    @Override
    public boolean isOfTensor() {
      return true;
    }
  }

  @SuppressWarnings("ImmutableEnumChecker") // an unmodifiable list of stateless functions
  private final List<Part> parts;

  private final int trainingGroup;

  GroupFormat(Part... parts) {
    this(128, parts);
  }

  GroupFormat(int trainingGroup, Part... parts) {
    this.trainingGroup = trainingGroup;
    this.parts = List.of(parts);
  }

  /**
   * The number of parts that a kernel sees.
   *
   * @return at least 1
   */
  public int partCount() {
    return parts.size();
  }

  /**
   * The size of a run of groups in a part.
   *
   * @param part its index
   * @param groupElements elements of a full group
   * @param elements elements of the run, which begins with a group; only at the end of a row may it
   *     end within one
   * @return bytes
   */
  public long partBytes(int part, int groupElements, long elements) {
    return parts.get(part).bytes(groupElements, elements);
  }

  /**
   * Whether a part belongs to the whole tensor: it is made by {@link #tensorScale} before the first
   * group is coded.
   *
   * @param part its index
   * @return false for all that is there for each group
   */
  public boolean isOfTensor(int part) {
    return parts.get(part).isOfTensor();
  }

  /**
   * What is stored as the part of the whole tensor.
   *
   * @param amax the greatest magnitude of all values
   * @return finite and above 0
   * @throws IllegalStateException if there is no such part
   */
  public float tensorScale(float amax) {
    for (Part part : parts) {
      if (part instanceof OfTensor scale) {
        return scale.rule.of(amax);
      }
    }
    throw new IllegalStateException(this + " has no part of the whole tensor");
  }

  /** Elements of a group with which a kernel is trained. */
  int trainingGroup() {
    return trainingGroup;
  }

  /** The reference in plain Java. */
  GroupKernel scalar() {
    return switch (this) {
      case INT8_BITSANDBYTES -> new ScalarInt8(Int8Rule.BITSANDBYTES);
      case INT8_TORCHAO -> new ScalarInt8(Int8Rule.TORCHAO);
      case INT8_COMPRESSED_TENSORS -> new ScalarInt8(Int8Rule.COMPRESSED_TENSORS);
      case INT8_QUANTO -> new ScalarInt8(Int8Rule.QUANTO);
      case FP8_E4M3_TENSOR -> new ScalarScaledFloat8(SmallFloat.E4M3, Extent.TENSOR);
      case FP8_E4M3_ROW -> new ScalarScaledFloat8(SmallFloat.E4M3, Extent.ROW);
      case FP8_E4M3_TILE -> new ScalarScaledFloat8(SmallFloat.E4M3, Extent.TILE);
      case FP8_E5M2_TENSOR -> new ScalarScaledFloat8(SmallFloat.E5M2, Extent.TENSOR);
      case FP8_E5M2_ROW -> new ScalarScaledFloat8(SmallFloat.E5M2, Extent.ROW);
      case FP8_E5M2_TILE -> new ScalarScaledFloat8(SmallFloat.E5M2, Extent.TILE);
      case MXFP8_E4M3_FLOOR -> new ScalarMxFloat(SmallFloat.E4M3, ExponentRounding.FLOOR);
      case MXFP8_E4M3_CEIL -> new ScalarMxFloat(SmallFloat.E4M3, ExponentRounding.CEIL);
      case MXFP8_E4M3_EVEN -> new ScalarMxFloat(SmallFloat.E4M3, ExponentRounding.EVEN);
      case MXFP8_E4M3_RCEIL -> new ScalarMxFloat(SmallFloat.E4M3, ExponentRounding.RCEIL);
      case MXFP8_E5M2_FLOOR -> new ScalarMxFloat(SmallFloat.E5M2, ExponentRounding.FLOOR);
      case MXFP8_E5M2_CEIL -> new ScalarMxFloat(SmallFloat.E5M2, ExponentRounding.CEIL);
      case MXFP8_E5M2_EVEN -> new ScalarMxFloat(SmallFloat.E5M2, ExponentRounding.EVEN);
      case MXFP8_E5M2_RCEIL -> new ScalarMxFloat(SmallFloat.E5M2, ExponentRounding.RCEIL);
      case MXFP4_FLOOR -> new ScalarMxFloat(SmallFloat.E2M1, ExponentRounding.FLOOR);
      case MXFP4_CEIL -> new ScalarMxFloat(SmallFloat.E2M1, ExponentRounding.CEIL);
      case MXFP4_EVEN -> new ScalarMxFloat(SmallFloat.E2M1, ExponentRounding.EVEN);
      case MXFP4_RCEIL -> new ScalarMxFloat(SmallFloat.E2M1, ExponentRounding.RCEIL);
      case MXINT8 -> new ScalarMxInt8();
      case NVFP4_TWO_LEVEL -> new ScalarTwoLevelNvfp4();
      case NF4 -> new ScalarFourBit(FourBitCode.NF4);
      case FP4 -> new ScalarFourBit(FourBitCode.FP4);
      case ONNX_4 -> new ScalarIntegers(IntegerRule.onnx(4, false));
      case ONNX_4_SYMMETRIC -> new ScalarIntegers(IntegerRule.onnx(4, true));
      case ONNX_8 -> new ScalarIntegers(IntegerRule.onnx(8, false));
      case ONNX_8_SYMMETRIC -> new ScalarIntegers(IntegerRule.onnx(8, true));
      case COMPRESSED_4 -> new ScalarIntegers(IntegerRule.compressed(4, false));
      case COMPRESSED_4_SYMMETRIC -> new ScalarIntegers(IntegerRule.compressed(4, true));
      case COMPRESSED_8 -> new ScalarIntegers(IntegerRule.compressed(8, false));
      case COMPRESSED_8_SYMMETRIC -> new ScalarIntegers(IntegerRule.compressed(8, true));
    };
  }

  /**
   * Whether there is a vector twin.
   *
   * @return true: each format has one
   */
  public boolean hasVector() {
    return true;
  }

  /** The vector twin; only with the module {@code jdk.incubator.vector}. */
  GroupKernel vector() {
    return switch (this) {
      case NF4 -> new VectorFourBit(FourBitCode.NF4);
      case FP4 -> new VectorFourBit(FourBitCode.FP4);
      case ONNX_4 -> new VectorIntegers(IntegerRule.onnx(4, false));
      case ONNX_4_SYMMETRIC -> new VectorIntegers(IntegerRule.onnx(4, true));
      case ONNX_8 -> new VectorIntegers(IntegerRule.onnx(8, false));
      case ONNX_8_SYMMETRIC -> new VectorIntegers(IntegerRule.onnx(8, true));
      case COMPRESSED_4 -> new VectorIntegers(IntegerRule.compressed(4, false));
      case COMPRESSED_4_SYMMETRIC -> new VectorIntegers(IntegerRule.compressed(4, true));
      case COMPRESSED_8 -> new VectorIntegers(IntegerRule.compressed(8, false));
      case COMPRESSED_8_SYMMETRIC -> new VectorIntegers(IntegerRule.compressed(8, true));
      case INT8_BITSANDBYTES -> new VectorInt8(Int8Rule.BITSANDBYTES);
      case INT8_TORCHAO -> new VectorInt8(Int8Rule.TORCHAO);
      case INT8_COMPRESSED_TENSORS -> new VectorInt8(Int8Rule.COMPRESSED_TENSORS);
      case INT8_QUANTO -> new VectorInt8(Int8Rule.QUANTO);
      case FP8_E4M3_TENSOR -> new VectorScaledFloat8(SmallFloat.E4M3, Extent.TENSOR);
      case FP8_E4M3_ROW -> new VectorScaledFloat8(SmallFloat.E4M3, Extent.ROW);
      case FP8_E4M3_TILE -> new VectorScaledFloat8(SmallFloat.E4M3, Extent.TILE);
      case FP8_E5M2_TENSOR -> new VectorScaledFloat8(SmallFloat.E5M2, Extent.TENSOR);
      case FP8_E5M2_ROW -> new VectorScaledFloat8(SmallFloat.E5M2, Extent.ROW);
      case FP8_E5M2_TILE -> new VectorScaledFloat8(SmallFloat.E5M2, Extent.TILE);
      case MXFP8_E4M3_FLOOR -> new VectorMxFloat(SmallFloat.E4M3, ExponentRounding.FLOOR);
      case MXFP8_E4M3_CEIL -> new VectorMxFloat(SmallFloat.E4M3, ExponentRounding.CEIL);
      case MXFP8_E4M3_EVEN -> new VectorMxFloat(SmallFloat.E4M3, ExponentRounding.EVEN);
      case MXFP8_E4M3_RCEIL -> new VectorMxFloat(SmallFloat.E4M3, ExponentRounding.RCEIL);
      case MXFP8_E5M2_FLOOR -> new VectorMxFloat(SmallFloat.E5M2, ExponentRounding.FLOOR);
      case MXFP8_E5M2_CEIL -> new VectorMxFloat(SmallFloat.E5M2, ExponentRounding.CEIL);
      case MXFP8_E5M2_EVEN -> new VectorMxFloat(SmallFloat.E5M2, ExponentRounding.EVEN);
      case MXFP8_E5M2_RCEIL -> new VectorMxFloat(SmallFloat.E5M2, ExponentRounding.RCEIL);
      case MXFP4_FLOOR -> new VectorMxFloat(SmallFloat.E2M1, ExponentRounding.FLOOR);
      case MXFP4_CEIL -> new VectorMxFloat(SmallFloat.E2M1, ExponentRounding.CEIL);
      case MXFP4_EVEN -> new VectorMxFloat(SmallFloat.E2M1, ExponentRounding.EVEN);
      case MXFP4_RCEIL -> new VectorMxFloat(SmallFloat.E2M1, ExponentRounding.RCEIL);
      case MXINT8 -> new VectorMxInt8();
      case NVFP4_TWO_LEVEL -> new VectorTwoLevelNvfp4();
    };
  }
}
