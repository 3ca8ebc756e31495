package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.quantize.internal.kernel.BlockFormat;
import io.tensorbridge.quantize.internal.kernel.DoubleNarrowing;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.lang.foreign.MemorySegment;

/**
 * The elements of a tensor in C order as float32, whatever its dtype, strides and backing;
 * thread-safe.
 *
 * <p>Row-major float32 in native memory that nobody can shrink is read in place; everything else is
 * copied into scratch memory, a chunk at a time.
 */
final class FloatSource {
  private static final int INFINITE_BITS = 0x7f800000;

  private final Tensor tensor;
  private final StoredBytes stored;

  private FloatSource(Tensor tensor) {
    this.tensor = tensor;
    this.stored = StoredBytes.of(tensor, 0);
  }

  static FloatSource of(Tensor tensor) {
    requireFloats(tensor.type());
    return new FloatSource(tensor);
  }

  /** Refuses dtypes that have no plain float value. */
  static void requireFloats(TensorType type) {
    switch (type.dtype()) {
      case F16, BF16, F32, F64 -> {
        // these are read
      }
      case BOOL, I8, I16, I32, I64, U8, U16, U32, U64, F8_E4M3, F8_E5M2, C64, C128 ->
          throw new TensorException(
              ErrorCode.UNSUPPORTED_DTYPE,
              type + " can't be quantized; float32, float16, bfloat16 and float64 can: "
                  + remedy(type.dtype()));
    }
  }

  private static String remedy(DType dtype) {
    return dtype.kind() == DType.Kind.COMPLEX
        ? "quantize real and imaginary parts one by one"
        : "convert it to float32 first";
  }

  long elementCount() {
    return tensor.shape().elementCount();
  }

  /**
   * A run of elements.
   *
   * @return native float32 values, valid until the scratch memory is used again; the tensor's own
   *     memory if possible: not to be written
   */
  MemorySegment read(long first, int count, Scratch scratch) {
    MemorySegment bytes = stored.read(first, count, scratch);
    DType dtype = tensor.dtype();
    if (dtype == DType.F32) {
      return bytes;
    }
    MemorySegment values = scratch.values((long) count * Float.BYTES);
    Kernels kernels = Kernels.shared();
    switch (dtype) {
      case F16 -> widen(kernels, BlockFormat.F16, bytes, values, count);
      case BF16 -> widen(kernels, BlockFormat.BF16, bytes, values, count);
      case F64 -> DoubleNarrowing.narrow(bytes, values, count);
      default -> throw new IllegalStateException("refused at construction: " + dtype);
    }
    return values;
  }

  private static void widen(
      Kernels kernels, BlockFormat format, MemorySegment from, MemorySegment to, int count) {
    kernels.dequantizing(format).forWork(count).dequantize(from, 0, to, 0, count);
  }

  /** As {@link #read}, always in scratch memory, so that the values may be changed. */
  MemorySegment readToChange(long first, int count, Scratch scratch) {
    MemorySegment values = read(first, count, scratch);
    MemorySegment copy = scratch.values((long) count * Float.BYTES);
    if (values.address() != copy.address()) {
      copy.copyFrom(values);
    }
    return copy;
  }

  /**
   * The refusal of a tensor that holds NaN or infinity: looks for the first such value, so that the
   * message does not depend on which thread met one.
   */
  TensorException nonFinite(Scratch scratch) {
    long count = elementCount();
    for (long first = 0; first < count; first += Scratch.CHUNK_ELEMENTS) {
      int length = (int) Math.min(Scratch.CHUNK_ELEMENTS, count - first);
      MemorySegment values = read(first, length, scratch);
      for (int i = 0; i < length; i++) {
        int bits = values.get(JAVA_INT_UNALIGNED, 4L * i);
        if ((bits & 0x7fffffff) >= INFINITE_BITS) {
          return nonFinite(first + i, values.get(JAVA_FLOAT_UNALIGNED, 4L * i));
        }
      }
    }
    return nonFinite(-1, Float.NaN);
  }

  private TensorException nonFinite(long index, float value) {
    String where = index < 0 ? "a value changed while it was read" : "element " + index;
    String what = Float.isNaN(value)
        ? "NaN"
        : tensor.dtype() == DType.F64
            ? "infinite as float32"
            : "infinite";
    return new TensorException(
        ErrorCode.NON_FINITE,
        "",
        index,
        where + " is " + what + "; repair the tensor, or quantize with nonfinite=clip",
        null);
  }
}
