package io.tensorbridge.batch;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.batch.wire.TensorDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the tensor descriptors of a block's items in turn. Not thread-safe.
 *
 * <p>Tensors of the same type, one after the other, share one type object: that saves most of the
 * work for batches of equal layers.
 */
final class TensorReader {
  private final MemorySegment block;
  private long at;
  private long end;
  private @Nullable TensorLayout last;

  TensorReader(MemorySegment block) {
    this.block = block;
  }

  /** Goes to the descriptors of a record. */
  void begin(long recordAt, long recordEnd) {
    at = recordAt;
    end = recordEnd;
  }

  void requireEnd() {
    if (at != end) {
      throw wrongLength();
    }
  }

  List<DecodedTensor> read(int count, boolean outputs) {
    if (count == 0) {
      return List.of();
    }
    if (count == 1) {
      return List.of(readOne(outputs));
    }
    if ((long) count * TensorDescriptor.BYTES > end - at) {
      throw wrongLength();
    }
    DecodedTensor[] tensors = new DecodedTensor[count];
    for (int i = 0; i < count; i++) {
      tensors[i] = readOne(outputs);
    }
    return List.of(tensors);
  }

  private DecodedTensor readOne(boolean output) {
    if (TensorDescriptor.BYTES > end - at) {
      throw wrongLength();
    }
    int region = TensorDescriptor.region(block, at);
    int generation = TensorDescriptor.generation(block, at);
    int flags = TensorDescriptor.flags(block, at);
    boolean unknown = (flags & ~TensorDescriptor.STRIDED) != 0;
    boolean generated = output && region == TensorDescriptor.RELATIVE && generation != 0;
    if (unknown || generated || TensorDescriptor.reserved(block, at) != 0) {
      throw new ProtocolException(
          ErrorCode.BAD_FLAGS,
          "an unknown flag, a reserved field or the generation of a relative tensor is set");
    }
    TensorLayout layout = layout(flags == TensorDescriptor.STRIDED);
    at += TensorDescriptor.byteLength(TensorDescriptor.rank(block, at), flags != 0);
    return new DecodedTensor(region, generation, layout);
  }

  private TensorLayout layout(boolean strided) {
    DType dtype = DType.ofCode(TensorDescriptor.dtype(block, at));
    int rank = TensorDescriptor.rank(block, at);
    if (rank > Shape.MAX_RANK) {
      throw new ProtocolException(
          ErrorCode.BAD_RANK, "rank " + rank + " is above the limit of " + Shape.MAX_RANK);
    }
    if (TensorDescriptor.byteLength(rank, strided) > end - at) {
      throw wrongLength();
    }
    long byteOffset = TensorDescriptor.byteOffset(block, at);
    TensorLayout sameType = last;
    if (sameType == null || !isOfType(sameType.type(), dtype, rank)) {
      sameType = TensorLayout.rowMajor(new TensorType(dtype, Shape.of(dimensions(rank))));
      last = sameType;
    }
    return strided
        ? TensorLayout.strided(sameType.type(), byteOffset, byteStrides(rank))
        : sameType.at(byteOffset);
  }

  private boolean isOfType(TensorType type, DType dtype, int rank) {
    if (type.dtype() != dtype || type.shape().rank() != rank) {
      return false;
    }
    for (int i = 0; i < rank; i++) {
      if (type.shape().dimension(i) != TensorDescriptor.dimension(block, at, i)) {
        return false;
      }
    }
    return true;
  }

  private long[] dimensions(int rank) {
    long[] dimensions = new long[rank];
    for (int i = 0; i < rank; i++) {
      dimensions[i] = TensorDescriptor.dimension(block, at, i);
    }
    return dimensions;
  }

  private long[] byteStrides(int rank) {
    long[] strides = new long[rank];
    for (int i = 0; i < rank; i++) {
      strides[i] = TensorDescriptor.byteStride(block, at, rank, i);
    }
    return strides;
  }

  private static ProtocolException wrongLength() {
    return new ProtocolException(
        ErrorCode.BAD_LENGTH, "record_length does not end where the tensors of the item end");
  }
}
