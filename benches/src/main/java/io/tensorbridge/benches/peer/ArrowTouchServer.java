package io.tensorbridge.benches.peer;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;

/**
 * Reads one float32 column out of Arrow IPC with Arrow's own readers, and answers with its first and
 * last element.
 *
 * <pre>
 *   request   u32 path length, path            a file to read
 *             u32 0, an IPC stream             the column itself
 *   answer    first and last element, float32, and u64 nanoseconds that reading took
 * </pre>
 *
 * <p>Little-endian. It serves one client.
 */
public final class ArrowTouchServer {
  private static final int MAX_PATH_BYTES = 1 << 12;

  private final BufferAllocator allocator;
  private final SocketChannel client;

  private ArrowTouchServer(BufferAllocator allocator, SocketChannel client) {
    this.allocator = allocator;
    this.client = client;
  }

  /**
   * Serves one client, until the standard input ends; prints {@code ready} when it listens.
   *
   * @param arguments where the socket shall appear
   * @throws IOException if it can't listen there
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 1) {
      System.err.println("usage: ArrowTouchServer SOCKET");
      System.exit(2);
    }
    Path path = Path.of(arguments[0]);
    try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      listener.bind(UnixDomainSocketAddress.of(path));
      Thread.ofPlatform().daemon().name("arrow-touch").start(() -> serve(listener));
      System.out.println("ready");
      while (System.in.read() >= 0) {
        // whoever started this says nothing; it only ends
      }
    } finally {
      Files.deleteIfExists(path);
    }
  }

  private static void serve(ServerSocketChannel listener) {
    try (SocketChannel client = listener.accept();
        BufferAllocator allocator = new RootAllocator()) {
      ArrowTouchServer server = new ArrowTouchServer(allocator, client);
      ByteBuffer head = buffer(Integer.BYTES);
      while (server.fill(head.clear())) {
        server.answer(head.getInt(0));
      }
    } catch (AsynchronousCloseException ended) {
      // the input ended before a client came
    } catch (IOException failure) {
      System.err.println("ArrowTouchServer gives its client up: " + failure);
    }
  }

  private void answer(int pathBytes) throws IOException {
    if (pathBytes < 0 || pathBytes > MAX_PATH_BYTES) {
      throw new IOException("a path of " + pathBytes + " bytes; at most " + MAX_PATH_BYTES);
    }
    ByteBuffer path = buffer(pathBytes);
    fill(path);
    long begun = System.nanoTime();
    ByteBuffer answer = buffer(2 * Float.BYTES + Long.BYTES);
    if (pathBytes == 0) {
      readStream(answer);
    } else {
      readFile(Path.of(StandardCharsets.UTF_8.decode(path.flip()).toString()), answer);
    }
    answer.putLong(System.nanoTime() - begun).flip();
    while (answer.hasRemaining()) {
      client.write(answer);
    }
  }

  private void readStream(ByteBuffer ends) throws IOException {
    ArrowReader reader = new ArrowStreamReader(client, allocator);
    try {
      readEnds(reader, ends);
    } finally {
      reader.close(false); // the next stream comes through the same socket
    }
  }

  private void readFile(Path file, ByteBuffer ends) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        ArrowReader reader = new ArrowFileReader(channel, allocator)) {
      readEnds(reader, ends);
    }
  }

  /** Reads to the end of the stream, whose first and last batch hold the ends of the column. */
  private static void readEnds(ArrowReader reader, ByteBuffer ends) throws IOException {
    if (!(reader.getVectorSchemaRoot().getVector(0) instanceof Float4Vector column)) {
      throw new IOException("the first column is no float32");
    }
    float first = Float.NaN;
    float last = Float.NaN;
    for (boolean begun = false; reader.loadNextBatch(); begun = true) {
      first = begun ? first : column.get(0);
      last = column.get(column.getValueCount() - 1);
    }
    ends.putFloat(first).putFloat(last);
  }

  /** Fills the buffer; false if the client went before the first byte. */
  private boolean fill(ByteBuffer target) throws IOException {
    while (target.hasRemaining()) {
      if (client.read(target) < 0) {
        if (target.position() == 0) {
          return false;
        }
        throw new EOFException("the request ends early");
      }
    }
    return true;
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
