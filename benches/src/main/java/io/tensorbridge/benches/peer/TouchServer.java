package io.tensorbridge.benches.peer;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Takes float32 arrays through a stream socket and answers with their first and last element: what a
 * crossing costs without shared memory.
 *
 * <pre>
 *   request   u32 way, u64 byte length, the elements
 *   answer    first and last element, float32
 *
 *   way 0     into a new float[], as a list-converting binding does
 *   way 1     into a direct buffer that is kept from request to request
 * </pre>
 *
 * <p>Little-endian. Each connection is served by a thread of its own.
 */
public final class TouchServer {
  private static final int NEW_ARRAY = 0;
  private static final int KEPT_BUFFER = 1;
  private static final int HEAD_BYTES = 12;
  private static final int COPY_BYTES = 1 << 16;

  private final SocketChannel channel;
  private final ByteBuffer head = buffer(HEAD_BYTES);
  private final ByteBuffer answer = buffer(2 * Float.BYTES);
  private final ByteBuffer chunk = buffer(COPY_BYTES);
  private ByteBuffer kept = buffer(COPY_BYTES);

  private TouchServer(SocketChannel channel) {
    this.channel = channel;
  }

  /**
   * Serves until the standard input ends; prints {@code ready} when it listens.
   *
   * @param arguments where the socket shall appear
   * @throws IOException if it can't listen there
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 1) {
      System.err.println("usage: TouchServer SOCKET");
      System.exit(2);
    }
    Path path = Path.of(arguments[0]);
    try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      listener.bind(UnixDomainSocketAddress.of(path));
      Thread.ofPlatform().daemon().name("touch-accept").start(() -> accept(listener));
      System.out.println("ready");
      while (System.in.read() >= 0) {
        // whoever started this says nothing; it only ends
      }
    } finally {
      Files.deleteIfExists(path);
    }
  }

  private static void accept(ServerSocketChannel listener) {
    while (true) {
      try {
        SocketChannel channel = listener.accept();
        Thread.ofPlatform().daemon().name("touch-client").start(() -> serve(channel));
      } catch (AsynchronousCloseException ended) {
        return;
      } catch (IOException failure) {
        System.err.println("TouchServer takes no more clients: " + failure);
        return;
      }
    }
  }

  private static void serve(SocketChannel channel) {
    try (channel) {
      new TouchServer(channel).answerAll();
    } catch (IOException failure) {
      System.err.println("TouchServer can't close a connection: " + failure);
    }
  }

  /** Answers until the client goes. The reason is told before the client sees the end. */
  private void answerAll() {
    try {
      while (answerNext()) {
        // the next request
      }
    } catch (IOException refused) {
      System.err.println("TouchServer gives a client up: " + refused.getMessage());
    }
  }

  private boolean answerNext() throws IOException {
    if (!fill(head.clear())) {
      return false;
    }
    int way = head.getInt(0);
    int byteLength = checkedLength(head.getLong(Integer.BYTES));
    switch (way) {
      case NEW_ARRAY -> {
        float[] elements = readArray(byteLength / Float.BYTES);
        answer.clear().putFloat(elements[0]).putFloat(elements[elements.length - 1]).flip();
      }
      case KEPT_BUFFER -> {
        ByteBuffer elements = readBuffer(byteLength);
        answer
            .clear()
            .putFloat(elements.getFloat(0))
            .putFloat(elements.getFloat(byteLength - Float.BYTES))
            .flip();
      }
      default -> throw new IOException("way " + way + " is neither 0 (array) nor 1 (buffer)");
    }
    while (answer.hasRemaining()) {
      channel.write(answer);
    }
    return true;
  }

  private static int checkedLength(long byteLength) throws IOException {
    if (byteLength < Float.BYTES
        || byteLength > Integer.MAX_VALUE
        || byteLength % Float.BYTES != 0) {
      throw new IOException(
          byteLength + " bytes are no float32 array of at least one element and less than 2 GiB");
    }
    return (int) byteLength;
  }

  private float[] readArray(int count) throws IOException {
    float[] elements = new float[count];
    for (int done = 0; done < count;) {
      chunk.clear().limit((int) Math.min(COPY_BYTES, (long) Float.BYTES * (count - done)));
      fillWhole(chunk);
      FloatBuffer floats = chunk.flip().asFloatBuffer();
      int read = floats.remaining();
      floats.get(elements, done, read);
      done += read;
    }
    return elements;
  }

  private ByteBuffer readBuffer(int byteLength) throws IOException {
    if (kept.capacity() < byteLength) {
      kept = buffer(byteLength);
    }
    fillWhole(kept.clear().limit(byteLength));
    return kept;
  }

  private void fillWhole(ByteBuffer target) throws IOException {
    if (!fill(target)) {
      throw new IOException("the request ends early");
    }
  }

  /** Fills the buffer; false if the stream ends before the first byte. */
  private boolean fill(ByteBuffer target) throws IOException {
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

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
