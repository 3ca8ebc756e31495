package io.tensorbridge.quantize;

import io.tensorbridge.Shape;
import io.tensorbridge.quantize.internal.kernel.GroupFormat;

/**
 * How the tensors of a shape are coded by a {@link GroupScheme}: which kernel, over which groups.
 *
 * @param format chooses the kernel
 * @param grid the groups
 */
record GroupCoding(GroupFormat format, GroupGrid grid) {
  /** Even a padding of one bit for each row adds up to more than four bytes with so many. */
  private static final long MANY_ROWS = 64;

  static GroupCoding of(GroupScheme scheme, Shape shape) {
    return switch (scheme) {
      case FourBitScheme code ->
          new GroupCoding(fourBitFormat(code.kind()), GroupGrid.flat(shape, code.block()));
      case Int4Scheme int4 -> new GroupCoding(integerFormat(int4), int4.grid(shape));
      case Int8Scheme int8 -> new GroupCoding(int8Format(int8.rule()), GroupGrid.ofRows(shape));
      case Fp8Scheme fp8 -> fp8.coding(shape);
      case MxScheme mx ->
          new GroupCoding(mx.format(), GroupGrid.ofRows(shape, mx.blockElements()));
      case Nvfp4Scheme nvfp4 ->
          new GroupCoding(
              GroupFormat.NVFP4_TWO_LEVEL, GroupGrid.ofRows(shape, nvfp4.blockElements()));
    };
  }

  private static GroupFormat fourBitFormat(FourBitScheme.Kind kind) {
    return switch (kind) {
      case NF4 -> GroupFormat.NF4;
      case FP4 -> GroupFormat.FP4;
    };
  }

  private static GroupFormat integerFormat(Int4Scheme scheme) {
    boolean isFour = scheme.bits() == 4;
    return switch (scheme.layout()) {
      case ONNX ->
          scheme.isSymmetric()
              ? isFour ? GroupFormat.ONNX_4_SYMMETRIC : GroupFormat.ONNX_8_SYMMETRIC
              : isFour ? GroupFormat.ONNX_4 : GroupFormat.ONNX_8;
      case COMPRESSED_TENSORS ->
          scheme.isSymmetric()
              ? isFour ? GroupFormat.COMPRESSED_4_SYMMETRIC : GroupFormat.COMPRESSED_8_SYMMETRIC
              : isFour ? GroupFormat.COMPRESSED_4 : GroupFormat.COMPRESSED_8;
    };
  }

  private static GroupFormat int8Format(Int8Scheme.Rule rule) {
    return switch (rule) {
      case BITSANDBYTES -> GroupFormat.INT8_BITSANDBYTES;
      case TORCHAO -> GroupFormat.INT8_TORCHAO;
      case COMPRESSED_TENSORS -> GroupFormat.INT8_COMPRESSED_TENSORS;
      case QUANTO -> GroupFormat.INT8_QUANTO;
    };
  }

  int groupElements() {
    return Math.toIntExact(grid.groupElements());
  }

  /** The index of the part that belongs to the whole tensor; -1 if there is none. */
  int tensorPart() {
    int part = format.partCount() - 1;
    while (part >= 0 && !format.isOfTensor(part)) {
      part--;
    }
    return part;
  }

  /** The size of a whole part. */
  long partBytes(int part) {
    return grid.elements() == 0
        ? 0
        : format.isOfTensor(part)
            ? format.partBytes(part, groupElements(), grid.elements())
            : byteOffset(part, grid.groups());
  }

  /** Where the bytes of a run that begins with a group begin in a part. */
  long byteOffset(int part, long group) {
    if (group == 0) {
      return 0;
    }
    long row = group / grid.groupsPerRow();
    long inRow = group % grid.groupsPerRow();
    return row * format.partBytes(part, groupElements(), grid.columns())
        + format.partBytes(part, groupElements(), inRow * grid.groupElements());
  }

  /**
   * Whether rows follow each other without padding in all parts, so that a kernel may run over their
   * ends.
   */
  private boolean isSeamless() {
    boolean seamless = grid.isEven();
    for (int part = 0; part < format.partCount(); part++) {
      if (format.isOfTensor(part)) {
        continue;
      }
      long row = format.partBytes(part, groupElements(), grid.columns());
      long some = MANY_ROWS * grid.columns();
      seamless &= format.partBytes(part, groupElements(), some) == MANY_ROWS * row;
    }
    return seamless || grid.rows() <= 1;
  }

  /** How the groups are cut into chunks. */
  GroupChunks chunks() {
    return GroupChunks.of(grid, isSeamless(), Scratch.CHUNK_ELEMENTS);
  }
}
