package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.quantize.internal.kernel.BlockFormat;
import io.tensorbridge.quantize.internal.kernel.DoubleNarrowing;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * Plain elements of any float dtype, strides and backing.
 *
 * <p>Row-major float32 in native memory that nobody can shrink is read in place; everything else is
 * copied into scratch memory, a chunk at a time.
 */
final class TensorFloats extends FloatSource {
  private final DType dtype;
  private final StoredBytes stored;

  TensorFloats(Tensor tensor) {
    super(tensor.type(), List.of(tensor));
    this.dtype = tensor.dtype();
    this.stored = StoredBytes.of(tensor, 0);
  }

  TensorFloats(TensorType type, StoredElements elements) {
    super(type, List.of());
    this.dtype = type.dtype();
    this.stored = new StoredBytes.Read(elements, dtype.byteSize());
  }

  @Override
  MemorySegment read(long first, int count, Scratch scratch) {
    MemorySegment bytes = stored.read(first, count, scratch);
    if (dtype == DType.F32) {
      return bytes;
    }
    MemorySegment values = scratch.values((long) count * Float.BYTES);
    convert(bytes, values, count);
    return values;
  }

  private void convert(MemorySegment bytes, MemorySegment values, int count) {
    Kernels kernels = Kernels.shared();
    switch (dtype) {
      case F16 -> widen(kernels, BlockFormat.F16, bytes, values, count);
      case BF16 -> widen(kernels, BlockFormat.BF16, bytes, values, count);
      case F32 -> values.copyFrom(bytes);
      case F8_E4M3 -> widen(kernels, BlockFormat.F8_E4M3, bytes, values, count);
      case F8_E5M2 -> widen(kernels, BlockFormat.F8_E5M2, bytes, values, count);
      case F64 -> DoubleNarrowing.narrow(bytes, values, count);
      default -> throw new IllegalStateException("refused at construction: " + dtype);
    }
  }

  private static void widen(
      Kernels kernels, BlockFormat format, MemorySegment from, MemorySegment to, int count) {
    kernels.dequantizing(format).forWork(count).dequantize(from, 0, to, 0, count);
  }

  @Override
  protected void copy(long first, MemorySegment values) {
    int count = Math.toIntExact(values.byteSize() / Float.BYTES);
    try (Scratch scratch = Scratch.borrow()) {
      convert(stored.read(first, count, scratch), Native.view(values), count);
    }
  }

  @Override
  Optional<MemorySegment> own(long first, long count) {
    return dtype == DType.F32 && stored instanceof StoredBytes.InPlace own
        ? Optional.of(own.data().asSlice(first * Float.BYTES, count * Float.BYTES))
        : Optional.empty();
  }
}
