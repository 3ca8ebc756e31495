package io.tensorbridge.batch.wire;

import io.tensorbridge.TensorLayout;
import java.lang.foreign.MemorySegment;

/**
 * Where a tensor lies and what its elements are.
 *
 * <pre>
 *    0               4               8                              16
 *    +---------------+---------------+-------------------------------+
 *    | region        | generation    | byte_offset                   |
 *    +---------------+---------------+-------------------------------+
 *   16  17  18      20              24
 *    |dt |rk | flags | reserved      | i64 dims[rank], i64 strides[rank] if STRIDED
 *    +---+---+-------+---------------+---------------------------------------------
 * </pre>
 */
public final class TensorDescriptor {
  /** The size of the structure. */
  public static final int BYTES = 24;

  /** The region of an output that lies within the submission's output span. */
  public static final int RELATIVE = 0xFFFFFFFF;

  /** Flag: strides follow the dimensions. */
  public static final int STRIDED = 1;

  private static final int REGION_OFFSET = 0;
  private static final int GENERATION_OFFSET = REGION_OFFSET + 4;
  private static final int BYTE_OFFSET_OFFSET = GENERATION_OFFSET + 4;
  private static final int DTYPE_OFFSET = BYTE_OFFSET_OFFSET + 8;
  private static final int RANK_OFFSET = DTYPE_OFFSET + 1;
  private static final int FLAGS_OFFSET = RANK_OFFSET + 1;
  private static final int RESERVED_OFFSET = FLAGS_OFFSET + 2;

  private TensorDescriptor() {}

  /**
   * The region's id.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return {@link #RELATIVE} for an output within the output span
   */
  public static int region(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + REGION_OFFSET);
  }

  /**
   * The region's generation.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 if relative
   */
  public static int generation(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + GENERATION_OFFSET);
  }

  /**
   * Where element (0, ..., 0) lies.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes from the start of the region or output span
   */
  public static long byteOffset(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + BYTE_OFFSET_OFFSET);
  }

  /**
   * The element encoding.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return a code of {@link io.tensorbridge.DType}
   */
  public static int dtype(MemorySegment segment, long at) {
    return LittleEndian.getByte(segment, at + DTYPE_OFFSET);
  }

  /**
   * The number of dimensions.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return at most {@link io.tensorbridge.Shape#MAX_RANK}
   */
  public static int rank(MemorySegment segment, long at) {
    return LittleEndian.getByte(segment, at + RANK_OFFSET);
  }

  /**
   * Whether strides follow.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return {@link #STRIDED} or 0
   */
  public static int flags(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + FLAGS_OFFSET);
  }

  /**
   * A field without meaning yet.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0
   */
  public static int reserved(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + RESERVED_OFFSET);
  }

  /**
   * The size of a descriptor.
   *
   * @param rank the number of dimensions
   * @param strided whether it holds strides
   * @return bytes
   */
  public static int byteLength(int rank, boolean strided) {
    return BYTES + (strided ? 2 : 1) * Long.BYTES * rank;
  }

  /**
   * The size of a tensor's descriptor.
   *
   * @param layout where the elements lie
   * @return bytes
   */
  public static int byteLength(TensorLayout layout) {
    return byteLength(layout.shape().rank(), !layout.isRowMajor());
  }

  /**
   * One extent.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @param index 0 for the outermost dimension
   * @return elements
   */
  public static long dimension(MemorySegment segment, long at, int index) {
    return LittleEndian.getLong(segment, at + BYTES + (long) Long.BYTES * index);
  }

  /**
   * One stride; only if the descriptor is {@link #STRIDED}.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @param rank the number of dimensions
   * @param index 0 for the outermost dimension
   * @return bytes between neighbours
   */
  public static long byteStride(MemorySegment segment, long at, int rank, int index) {
    return LittleEndian.getLong(segment, at + BYTES + (long) Long.BYTES * (rank + index));
  }

  /**
   * Writes a descriptor; strides only where the tensor is not row-major.
   *
   * @param segment where to write
   * @param at where the structure begins
   * @param region the region's id, or {@link #RELATIVE}
   * @param generation the region's generation, or 0
   * @param layout type, offset within the region or output span, and strides
   * @return the descriptor's size
   */
  public static int write(
      MemorySegment segment, long at, int region, int generation, TensorLayout layout) {
    int rank = layout.shape().rank();
    boolean strided = !layout.isRowMajor();
    LittleEndian.putInt(segment, at + REGION_OFFSET, region);
    LittleEndian.putInt(segment, at + GENERATION_OFFSET, generation);
    LittleEndian.putLong(segment, at + BYTE_OFFSET_OFFSET, layout.byteOffset());
    LittleEndian.putByte(segment, at + DTYPE_OFFSET, layout.dtype().code());
    LittleEndian.putByte(segment, at + RANK_OFFSET, rank);
    LittleEndian.putShort(segment, at + FLAGS_OFFSET, strided ? STRIDED : 0);
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
    long next = at + BYTES;
    for (int i = 0; i < rank; i++, next += Long.BYTES) {
      LittleEndian.putLong(segment, next, layout.shape().dimension(i));
    }
    for (int i = 0; strided && i < rank; i++, next += Long.BYTES) {
      LittleEndian.putLong(segment, next, layout.byteStride(i));
    }
    return byteLength(rank, strided);
  }
}
