package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.TensorDim;
import org.apache.arrow.flatbuf.Type;
import org.jspecify.annotations.Nullable;

/**
 * A message of one dense tensor, as {@code pyarrow.ipc.write_tensor} and {@code read_tensor} know it
 * ({@code Tensor.fbs}): dtype, shape, strides in bytes, and a body of elements.
 *
 * <p>The format has whole numbers and floats of 16, 32 and 64 bits; PyArrow writes bools as {@code
 * uint8}.
 *
 * @param tensor in place
 * @param dimensionNames one for each dimension, often empty
 * @param byteLength of the message, behind which the next one begins
 */
public record TensorMessage(Tensor tensor, List<String> dimensionNames, long byteLength) {
  static final String TENSOR = "a message of a tensor";
  static final String ELEMENTS = "a tensor of numbers";
  static final String SHAPE = "shape and strides that lie within the body";

  /** Copies the list. */
  public TensorMessage {
    dimensionNames = List.copyOf(dimensionNames);
  }

  /**
   * Reads a message.
   *
   * @param bytes which begin with it
   * @param backing what stands behind the bytes
   * @return the tensor in place, valid as long as the bytes are
   * @throws FormatException with the byte and the rule, if it breaks one
   */
  public static TensorMessage read(MemorySegment bytes, Backing backing) {
    ByteSource source = new ByteSource("a tensor message", 0, bytes);
    int length = IpcMessage.metadataLength(source, 0);
    IpcMessage message =
        IpcMessage.read(source, 0, length, (long) IpcMessage.PREFIX_BYTES + length);
    org.apache.arrow.flatbuf.Tensor header =
        message.header().headerType() == MessageHeader.Tensor
            ? (org.apache.arrow.flatbuf.Tensor) message.header()
                .header(new org.apache.arrow.flatbuf.Tensor())
            : null;
    Buffer data = header == null ? null : header.data();
    if (header == null || data == null) {
      throw message.metadata().broken(0, TENSOR, "a message of the type "
          + message.header().headerType() + (header == null ? "" : " without data"));
    }
    return read(header, data, message, backing);
  }

  private static TensorMessage read(
      org.apache.arrow.flatbuf.Tensor header, Buffer data, IpcMessage message, Backing backing) {
    int rank = header.shapeLength();
    long[] extents = new long[rank];
    String[] names = new String[rank];
    for (int i = 0; i < rank; i++) {
      TensorDim dimension = header.shape(i);
      String name = dimension.name();
      extents[i] = dimension.size();
      names[i] = name == null ? "" : name;
    }
    MemorySegment body = message.body().bytes();
    if (data.offset() < 0 || data.length() < 0
        || data.offset() > body.byteSize() - data.length()) {
      throw message.metadata().broken(0, BatchReader.WITHIN, data.length()
          + " bytes of elements at byte " + data.offset() + " of a body of " + body.byteSize());
    }
    try {
      TensorType type = new TensorType(dtype(header, message.metadata()), Shape.of(extents));
      TensorLayout layout = TensorLayout.rowMajor(type);
      if (header.stridesLength() > 0) {
        long[] strides = new long[header.stridesLength()];
        Arrays.setAll(strides, header::strides);
        layout = TensorLayout.strided(type, 0, strides);
      }
      MemorySegment elements = body.asSlice(data.offset(), data.length());
      long end = message.body().fileOffset() + body.byteSize();
      return new TensorMessage(Tensor.of(elements, layout, backing), List.of(names), end);
    } catch (FormatException broken) {
      throw broken;
    } catch (BridgeException impossible) {
      throw message.metadata().broken(0, SHAPE, impossible.getMessage());
    }
  }

  private static DType dtype(org.apache.arrow.flatbuf.Tensor header, ByteSource metadata) {
    DType dtype = switch (header.typeType()) {
      case Type.Int -> whole((Int) header.type(new Int()));
      case Type.FloatingPoint -> floating((FloatingPoint) header.type(new FloatingPoint()));
      default -> null;
    };
    if (dtype == null) {
      throw metadata.broken(0, ELEMENTS, "a tensor of the type " + header.typeType());
    }
    return dtype;
  }

  private static @Nullable DType whole(@Nullable Int type) {
    if (type == null) {
      return null;
    }
    return switch (type.bitWidth()) {
      case 8 -> type.isSigned() ? DType.I8 : DType.U8;
      case 16 -> type.isSigned() ? DType.I16 : DType.U16;
      case 32 -> type.isSigned() ? DType.I32 : DType.U32;
      case 64 -> type.isSigned() ? DType.I64 : DType.U64;
      default -> null;
    };
  }

  private static @Nullable DType floating(@Nullable FloatingPoint type) {
    if (type == null) {
      return null;
    }
    return switch (type.precision()) {
      case Precision.HALF -> DType.F16;
      case Precision.SINGLE -> DType.F32;
      case Precision.DOUBLE -> DType.F64;
      default -> null;
    };
  }

  /**
   * Writes a message. A tensor in row-major or column-major order is written as it is, others in
   * row-major order.
   *
   * @param tensor of whole numbers or floats of 16, 32 or 64 bits; bools become {@code uint8}
   * @param dimensionNames one for each dimension, or none
   * @param channel blocking; it stays open
   * @throws TensorException if the format has no such dtype
   * @throws FormatException if the channel refuses it
   */
  public static void write(
      Tensor tensor, List<String> dimensionNames, WritableByteChannel channel) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor dense = DenseTensor.of(tensor, arena);
      byte[] head = head(dense, dimensionNames);
      ArrowSink sink = ArrowSink.channel(channel);
      sink.write(0, MemorySegment.ofArray(head));
      sink.write(head.length, DenseTensor.bytes(dense));
    }
  }

  private static byte[] head(Tensor tensor, List<String> names) {
    int rank = tensor.shape().rank();
    if (!names.isEmpty() && names.size() != rank) {
      throw new IllegalArgumentException(names + " for " + rank + " dimensions");
    }
    FlatBufferBuilder builder = new FlatBufferBuilder();
    byte typeType = tensor.dtype().kind() == DType.Kind.FLOAT ? Type.FloatingPoint : Type.Int;
    int type = type(builder, tensor.dtype());
    int[] dimensions = new int[rank];
    for (int i = 0; i < rank; i++) {
      int name = builder.createString(names.isEmpty() ? "" : names.get(i));
      dimensions[i] = TensorDim.createTensorDim(builder, tensor.shape().dimension(i), name);
    }
    int shape = org.apache.arrow.flatbuf.Tensor.createShapeVector(builder, dimensions);
    int strides =
        org.apache.arrow.flatbuf.Tensor.createStridesVector(
            builder, tensor.layout().byteStrides());
    org.apache.arrow.flatbuf.Tensor.startTensor(builder);
    org.apache.arrow.flatbuf.Tensor.addTypeType(builder, typeType);
    org.apache.arrow.flatbuf.Tensor.addType(builder, type);
    org.apache.arrow.flatbuf.Tensor.addShape(builder, shape);
    org.apache.arrow.flatbuf.Tensor.addStrides(builder, strides);
    int data = Buffer.createBuffer(builder, 0, tensor.byteLength());
    org.apache.arrow.flatbuf.Tensor.addData(builder, data);
    int header = org.apache.arrow.flatbuf.Tensor.endTensor(builder);
    byte[] message =
        BatchPlan.finish(builder, MessageHeader.Tensor, header, tensor.byteLength());
    return MessageBytes.framed(message, 0);
  }

  private static int type(FlatBufferBuilder builder, DType dtype) {
    return switch (dtype) {
      case F16 -> FloatingPoint.createFloatingPoint(builder, Precision.HALF);
      case F32 -> FloatingPoint.createFloatingPoint(builder, Precision.SINGLE);
      case F64 -> FloatingPoint.createFloatingPoint(builder, Precision.DOUBLE);
      case I8, I16, I32, I64 -> Int.createInt(builder, dtype.bits(), true);
      case U8, U16, U32, U64, BOOL -> Int.createInt(builder, dtype.bits(), false);
      case BF16, F8_E4M3, F8_E5M2, C64, C128 ->
          throw new TensorException(ErrorCode.UNSUPPORTED_DTYPE, "messages of tensors have no "
              + dtype.numpyName() + "; write a column of arrow.fixed_shape_tensor instead");
    };
  }
}
