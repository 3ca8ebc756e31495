package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.FileBackedRun;
import io.tensorbridge.op.OpRun;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The elements of a tensor in C order as float32, wherever they come from: plain elements, or a
 * quantized tensor that is dequantized on the way, a chunk at a time; thread-safe.
 */
public abstract class FloatSource {
  private static final int INFINITE_BITS = 0x7f800000;

  private final TensorType type;
  private final List<Tensor> tensors;

  /**
   * A source.
   *
   * @param type the dtype in which values are given, and the shape
   * @param tensors what is read; those of mapped files are watched for truncation
   */
  protected FloatSource(TensorType type, List<Tensor> tensors) {
    this.type = type;
    this.tensors = List.copyOf(tensors);
  }

  /**
   * A source made from another one, of the same shape.
   *
   * @param dtype in which values are given
   * @param under what is read
   */
  protected FloatSource(DType dtype, FloatSource under) {
    this.type = new TensorType(dtype, under.type.shape());
    this.tensors = under.tensors;
  }

  /**
   * The elements of a plain tensor.
   *
   * @param tensor float32, float16, bfloat16 or float64, with any strides and backing
   * @return the source; it keeps the tensor
   * @throws TensorException {@link ErrorCode#UNSUPPORTED_DTYPE} if the elements are something else
   */
  public static FloatSource of(Tensor tensor) {
    requireFloats(tensor.type());
    return new TensorFloats(tensor);
  }

  /** Reads the stored bytes of a tensor, little-endian and in C order; thread-safe. */
  @FunctionalInterface
  public interface StoredElements {
    /**
     * Reads a run of bytes.
     *
     * @param byteOffset where in the tensor
     * @param target native memory, filled whole
     */
    void read(long byteOffset, MemorySegment target);
  }

  /**
   * The elements of a plain tensor that is read piece by piece, and never mapped.
   *
   * @param type float32, float16, bfloat16 or float64, and the shape
   * @param elements reads its bytes
   * @return the source; it keeps the reader
   * @throws TensorException {@link ErrorCode#UNSUPPORTED_DTYPE} if the elements are something else
   */
  public static FloatSource of(TensorType type, StoredElements elements) {
    requireFloats(type);
    return new TensorFloats(type, elements);
  }

  /**
   * The elements of a quantized tensor. Where a row does not hold whole blocks, they are taken to
   * run across rows, as files of others have it.
   *
   * @param scheme its scheme
   * @param shape its shape
   * @param parts its parts, with any strides and backing
   * @return the source; it keeps the parts
   * @throws TensorException {@link ErrorCode#BAD_SHAPE} if these are not the parts of such a tensor
   */
  public static FloatSource of(QuantScheme scheme, Shape shape, List<Tensor> parts) {
    Shape blocks = scheme.fits(shape) ? shape : Shape.of(shape.elementCount());
    return new DequantizedFloats(Dequantization.of(scheme, blocks), shape, parts);
  }

  /**
   * Refuses dtypes that have no plain float value.
   *
   * @param type of a tensor that shall be read
   * @throws TensorException {@link ErrorCode#UNSUPPORTED_DTYPE} with the remedy
   */
  public static void requireFloats(TensorType type) {
    switch (type.dtype()) {
      case F16, BF16, F32, F64, F8_E4M3, F8_E5M2 -> {
        // these are read
      }
      case BOOL, I8, I16, I32, I64, U8, U16, U32, U64, C64, C128 ->
          throw new TensorException(
              ErrorCode.UNSUPPORTED_DTYPE,
              type + " can't be quantized; float32, float16, bfloat16, float64 and float8 can: "
                  + remedy(type.dtype()));
    }
  }

  private static String remedy(DType dtype) {
    return dtype.kind() == DType.Kind.COMPLEX
        ? "quantize real and imaginary parts one by one"
        : "convert it to float32 first";
  }

  /**
   * What is read.
   *
   * @return the dtype of plain elements, float32 of a quantized tensor; and the shape
   */
  public final TensorType type() {
    return type;
  }

  /**
   * Prepares a run that hands out all values as float32.
   *
   * @param sink takes them in pieces, as part 0; sources of the same shape give the same pieces
   * @return the run; it keeps source and sink until its last chunk has ended; a chunk throws {@link
   *     io.tensorbridge.FormatException} if the file behind the source was truncated
   */
  public OpRun run(PartSink sink) {
    return watch(new FloatCopying(this, sink));
  }

  /**
   * Gives a run of values.
   *
   * @param first the first element
   * @param values receives float32: native memory of any alignment
   */
  protected abstract void copy(long first, MemorySegment values);

  /**
   * Gives a run of values, for tests and small tensors.
   *
   * @param first the first element
   * @param values receives them: native memory of any alignment
   * @throws IndexOutOfBoundsException if there are fewer elements
   */
  public final void read(long first, MemorySegment values) {
    Objects.checkFromIndexSize(first, values.byteSize() / Float.BYTES, elementCount());
    copy(first, values);
  }

  /**
   * A run of values where it lies, for those who would only copy it.
   *
   * @param first the first element
   * @param count how many
   * @return native float32 values of the tensor itself, of any alignment and never to be written,
   *     valid as long as the source is held; empty unless they lie there in a row, in memory that
   *     nobody can shrink
   * @throws IndexOutOfBoundsException if there are fewer elements
   */
  public final Optional<MemorySegment> inPlace(long first, long count) {
    Objects.checkFromIndexSize(first, count, elementCount());
    return own(first, count);
  }

  /** As {@link #inPlace}, of a run that exists. */
  Optional<MemorySegment> own(long first, long count) {
    return Optional.empty();
  }

  final long elementCount() {
    return type.shape().elementCount();
  }

  /** A run over this source that explains what happens if a mapped file is truncated. */
  final OpRun watch(OpRun run) {
    return FileBackedRun.watch(tensors, run);
  }

  /**
   * A run of elements.
   *
   * @return native float32 values, valid until the scratch memory is used again; maybe the tensor's
   *     own memory: not to be written
   */
  MemorySegment read(long first, int count, Scratch scratch) {
    MemorySegment values = scratch.values((long) count * Float.BYTES);
    copy(first, values);
    return values;
  }

  /** As {@link #read}, always in scratch memory, so that the values may be changed. */
  final MemorySegment readToChange(long first, int count, Scratch scratch) {
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
        : type.dtype() == DType.F64
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
