package io.tensorbridge.quantize.internal.kernel;

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
  INT8_QUANTO(Part.bits(8), Part.bytesPerGroup(Float.BYTES));

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

    /** Some bits for each element, the last byte padded. */
    static Part bits(int count) {
      return (groupElements, elements) -> Math.ceilDiv(elements * count, 8);
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
  }

  @SuppressWarnings("ImmutableEnumChecker") // an unmodifiable list of stateless functions
  private final List<Part> parts;

  GroupFormat(Part... parts) {
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

  /** The reference in plain Java. */
  GroupKernel scalar() {
    return switch (this) {
      case INT8_BITSANDBYTES -> new ScalarInt8(Int8Rule.BITSANDBYTES);
      case INT8_TORCHAO -> new ScalarInt8(Int8Rule.TORCHAO);
      case INT8_COMPRESSED_TENSORS -> new ScalarInt8(Int8Rule.COMPRESSED_TENSORS);
      case INT8_QUANTO -> new ScalarInt8(Int8Rule.QUANTO);
    };
  }

  /**
   * Whether there is a vector twin; the compiler vectorizes the scalar loops of the others as well.
   *
   * @return false if the scalar twin always serves
   */
  public boolean hasVector() {
    return false;
  }

  /** The vector twin; only with the module {@code jdk.incubator.vector}. */
  @SuppressWarnings("DoNotCallSuggester") // formats with vector twins join
  GroupKernel vector() {
    throw new UnsupportedOperationException(name());
  }
}
