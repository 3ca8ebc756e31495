package io.tensorbridge.cli;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.QuantizedTensor;
import io.tensorbridge.quantize.Quantizer;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The legacy way into the same server: one call a layer, the elements as bytes through a stream
 * socket into a {@code float[]}. It exists to be measured against, and is off unless asked for.
 *
 * <pre>
 *   request   u32 scheme length, scheme, u64 rows, u64 row length, rows * row length float32
 *   answer    u32 0, u32 parts, and for each: u64 length, its bytes
 *             u32 1, u32 1, u64 length, the text of a failure
 * </pre>
 *
 * <p>The parts are those of the scheme: the encoded elements, then scales and zero points as float32
 * where they are stored apart.
 *
 * <p>Little-endian. Each connection is served by a thread of its own.
 */
final class LegacyEndpoint implements AutoCloseable {
  private static final int COPY_BYTES = 1 << 16;
  private static final int MAX_SCHEME_BYTES = 1 << 10;

  private final Path path;
  private final ServerSocketChannel listener;

  private LegacyEndpoint(Path path, ServerSocketChannel listener) {
    this.path = path;
    this.listener = listener;
  }

  /**
   * Begins to listen.
   *
   * @param path where the socket shall appear; the folder must exist
   * @return the endpoint, owned by the caller
   */
  static LegacyEndpoint listen(Path path) {
    try {
      ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      listener.bind(UnixDomainSocketAddress.of(path));
      LegacyEndpoint endpoint = new LegacyEndpoint(path, listener);
      Thread.ofPlatform().daemon().name("legacy-accept").start(endpoint::accept);
      return endpoint;
    } catch (IOException failure) {
      throw new FormatException(
          ErrorCode.FILE_IO, "can't listen at " + path + ": " + failure, -1, "", failure);
    }
  }

  private void accept() {
    while (true) {
      try {
        SocketChannel channel = listener.accept();
        Thread.ofPlatform().daemon().name("legacy-client").start(() -> serve(channel));
      } catch (ClosedChannelException closed) {
        return;
      } catch (IOException failure) {
        System.getLogger(LegacyEndpoint.class.getName())
            .log(System.Logger.Level.WARNING, "the legacy endpoint stops: " + failure);
        return;
      }
    }
  }

  private static void serve(SocketChannel channel) {
    try (channel) {
      ByteBuffer length = buffer(4);
      while (fill(channel, length.clear())) {
        answer(channel, length.getInt(0));
      }
    } catch (IOException gone) {
      System.getLogger(LegacyEndpoint.class.getName())
          .log(System.Logger.Level.DEBUG, "a legacy client is gone: " + gone);
    }
  }

  private static void answer(SocketChannel channel, int schemeBytes) throws IOException {
    if (schemeBytes < 0 || schemeBytes > MAX_SCHEME_BYTES) {
      throw new IOException("a scheme of " + schemeBytes + " bytes");
    }
    ByteBuffer head = buffer(schemeBytes + 16);
    fill(channel, head);
    String scheme = StandardCharsets.UTF_8.decode(head.slice(0, schemeBytes)).toString();
    long rows = head.getLong(schemeBytes);
    long columns = head.getLong(schemeBytes + 8);
    float[] elements = readElements(channel, Math.toIntExact(Math.multiplyExact(rows, columns)));
    try {
      Tensor tensor =
          Tensor.of(MemorySegment.ofArray(elements), DType.F32, Shape.of(rows, columns));
      try (QuantizedTensor quantized = Quantizer.of(QuantScheme.parse(scheme)).quantize(tensor)) {
        send(channel, 0, quantized.parts().stream().map(Tensor::data).toList());
      }
    } catch (BridgeException refused) {
      byte[] text = String.valueOf(refused.getMessage()).getBytes(StandardCharsets.UTF_8);
      send(channel, 1, List.of(MemorySegment.ofArray(text)));
    }
  }

  private static float[] readElements(SocketChannel channel, int count) throws IOException {
    float[] elements = new float[count];
    ByteBuffer bytes = buffer(COPY_BYTES);
    for (int done = 0; done < count;) {
      bytes.clear().limit((int) Math.min(COPY_BYTES, 4L * (count - done)));
      fill(channel, bytes);
      FloatBuffer floats = bytes.flip().asFloatBuffer();
      int read = floats.remaining();
      floats.get(elements, done, read);
      done += read;
    }
    return elements;
  }

  private static void send(SocketChannel channel, int failed, List<MemorySegment> parts)
      throws IOException {
    ByteBuffer chunk = buffer(COPY_BYTES).putInt(failed).putInt(parts.size());
    for (MemorySegment part : parts) {
      append(channel, chunk, part);
    }
    drain(channel, chunk.flip());
  }

  /** Writes through a chunk that is sent when it is full, so that a small answer is one packet. */
  private static void append(SocketChannel channel, ByteBuffer chunk, MemorySegment part)
      throws IOException {
    if (chunk.remaining() < Long.BYTES) {
      flush(channel, chunk);
    }
    chunk.putLong(part.byteSize());
    for (long done = 0; done < part.byteSize();) {
      if (!chunk.hasRemaining()) {
        flush(channel, chunk);
      }
      int count = (int) Math.min(chunk.remaining(), part.byteSize() - done);
      MemorySegment.copy(part, done, MemorySegment.ofBuffer(chunk), 0, count);
      chunk.position(chunk.position() + count);
      done += count;
    }
  }

  private static void flush(SocketChannel channel, ByteBuffer chunk) throws IOException {
    drain(channel, chunk.flip());
    chunk.clear();
  }

  private static boolean fill(SocketChannel channel, ByteBuffer target) throws IOException {
    while (target.hasRemaining()) {
      if (channel.read(target) < 0) {
        if (target.position() == 0) {
          return false;
        }
        throw new IOException("the request ends early");
      }
    }
    return true;
  }

  private static void drain(SocketChannel channel, ByteBuffer source) throws IOException {
    while (source.hasRemaining()) {
      channel.write(source);
    }
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public void close() {
    try {
      listener.close();
      Files.deleteIfExists(path);
    } catch (IOException failure) {
      System.getLogger(LegacyEndpoint.class.getName())
          .log(System.Logger.Level.WARNING, "can't remove " + path + ": " + failure);
    }
  }
}
