package io.tensorbridge.arrow.flight;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.grpc.Detachable;
import io.grpc.Drainable;
import io.grpc.MethodDescriptor;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufInputStream;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import org.apache.arrow.flight.grpc.AddWritableBuffer;
import org.apache.arrow.flight.impl.Flight;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes {@code FlightData} ({@code Flight.proto}) without copying bodies: they are left in
 * the buffers of the network, and go into it as buffers.
 */
final class FlightMarshaller implements MethodDescriptor.Marshaller<FlightMessage> {
  private static final int DESCRIPTOR = Flight.FlightData.FLIGHT_DESCRIPTOR_FIELD_NUMBER;
  private static final int HEADER = Flight.FlightData.DATA_HEADER_FIELD_NUMBER;
  private static final int METADATA = Flight.FlightData.APP_METADATA_FIELD_NUMBER;
  private static final int BODY = Flight.FlightData.DATA_BODY_FIELD_NUMBER;

  /** The fields of a message so far. */
  private static final class Fields {
    private Flight.@Nullable FlightDescriptor descriptor;
    private byte[] header = FlightMessage.NONE;
    private byte[] metadata = FlightMessage.NONE;
    private FlightBody body = FlightBody.empty();
  }

  @Override
  public FlightMessage parse(InputStream stream) {
    Fields fields = new Fields();
    try {
      while (readField(fields, stream)) {
        // until the end, or a body that nothing follows
      }
      return new FlightMessage.Incoming(
          fields.descriptor, fields.header, fields.metadata, fields.body);
    } catch (IOException | IllegalStateException broken) {
      fields.body.close();
      return new FlightMessage.Broken("a message that is no FlightData: " + broken.getMessage());
    }
  }

  private static boolean readField(Fields fields, InputStream stream) throws IOException {
    int first = stream.read();
    if (first < 0) {
      return false;
    }
    int tag = CodedInputStream.readRawVarint32(first, stream);
    if (WireFormat.getTagWireType(tag) != WireFormat.WIRETYPE_LENGTH_DELIMITED) {
      throw new IOException("a field with the tag " + tag);
    }
    int size = CodedInputStream.readRawVarint32(stream.read(), stream);
    int available = stream.available();
    if (size < 0 || size > available) {
      throw new IOException("a field of " + size + " bytes where " + available + " follow");
    }
    switch (WireFormat.getTagFieldNumber(tag)) {
      case DESCRIPTOR ->
          fields.descriptor = Flight.FlightDescriptor.parseFrom(stream.readNBytes(size));
      case HEADER -> fields.header = stream.readNBytes(size);
      case METADATA -> fields.metadata = stream.readNBytes(size);
      case BODY -> {
        fields.body.close();
        if (size == available && stream instanceof Detachable detachable) {
          fields.body = new FlightBody(detachable.detach(), size);
          return false;
        }
        fields.body = new FlightBody(new ByteArrayInputStream(stream.readNBytes(size)), size);
      }
      default -> stream.skipNBytes(size);
    }
    return true;
  }

  @Override
  public InputStream stream(FlightMessage message) {
    if (!(message instanceof FlightMessage.Outgoing outgoing)) {
      throw new IllegalArgumentException("not a message to send: " + message);
    }
    CompositeByteBuf whole = new CompositeByteBuf(
        UnpooledByteBufAllocator.DEFAULT, true, Integer.MAX_VALUE);
    whole.addComponent(true, outsideHeap(Unpooled.wrappedBuffer(head(outgoing))));
    outgoing.body().forEach(piece -> whole.addComponent(true, outsideHeap(piece)));
    return new Draining(whole);
  }

  /** A piece that Netty writes as it is: for one in the heap it would copy the whole message. */
  private static ByteBuf outsideHeap(ByteBuf piece) {
    if (piece.isDirect()) {
      return piece;
    }
    try {
      return ByteBufAllocator.DEFAULT.directBuffer(piece.readableBytes()).writeBytes(piece);
    } finally {
      piece.release();
    }
  }

  private static byte[] head(FlightMessage.Outgoing message) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream coded = CodedOutputStream.newInstance(bytes);
    long bodyLength = message.body().stream().mapToLong(ByteBuf::readableBytes).sum();
    try {
      coded.writeByteArray(HEADER, message.header());
      if (message.metadata().length > 0) {
        coded.writeByteArray(METADATA, message.metadata());
      }
      if (bodyLength > 0) {
        coded.writeTag(BODY, WireFormat.WIRETYPE_LENGTH_DELIMITED);
        coded.writeUInt32NoTag(Math.toIntExact(bodyLength));
      }
      coded.flush();
      return bytes.toByteArray();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  /** Hands its buffer to gRPC as it is. */
  private static final class Draining extends ByteBufInputStream implements Drainable {
    private final ByteBuf whole;

    Draining(ByteBuf whole) {
      super(whole, whole.readableBytes(), true);
      this.whole = whole;
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      int size = whole.readableBytes();
      AddWritableBuffer.add(whole, target, true);
      return size;
    }
  }
}
