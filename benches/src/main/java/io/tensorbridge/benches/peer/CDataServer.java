package io.tensorbridge.benches.peer;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Passes a batch through the C Data interface, from structs to structs within this process, as often
 * as it is asked for, and answers how long each time took.
 *
 * <pre>
 *   request   u32 how often
 *   answer    u64 nanoseconds of all
 * </pre>
 *
 * <p>Little-endian. It serves one client.
 */
public final class CDataServer {
  private static final int MAX_TIMES = 1 << 20;

  private CDataServer() {}

  /**
   * Serves one client, until the standard input ends; prints {@code ready} when it listens.
   *
   * @param arguments where the socket shall appear, the name of a {@link CDataWay}, whether the schema
   *     is passed each time ({@code true} or {@code false}), columns, rows
   * @throws IOException if it can't listen there
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 5) {
      System.err.println("usage: CDataServer SOCKET WAY WITH_SCHEMA COLUMNS ROWS");
      System.exit(2);
    }
    Path path = Path.of(arguments[0]);
    CDataWay way =
        CDataWay.of(
            arguments[1], Boolean.parseBoolean(arguments[2]), Integer.parseInt(arguments[3]),
            Integer.parseInt(arguments[4]));
    way.passOnce(); // fails here if it doesn't work
    try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      listener.bind(UnixDomainSocketAddress.of(path));
      Thread.ofPlatform().daemon().name("c-data").start(() -> serve(listener, way));
      System.out.println("ready");
      while (System.in.read() >= 0) {
        // whoever started this says nothing; it only ends
      }
    } finally {
      Files.deleteIfExists(path);
    }
  }

  private static void serve(ServerSocketChannel listener, CDataWay way) {
    try (way;
        SocketChannel client = listener.accept()) {
      ByteBuffer request = buffer(Integer.BYTES);
      while (filled(client, request.clear())) {
        int times = request.getInt(0);
        if (times < 1 || times > MAX_TIMES) {
          throw new IOException(times + " times; from 1 to " + MAX_TIMES);
        }
        long begun = System.nanoTime();
        for (int i = 0; i < times; i++) {
          way.passOnce();
        }
        client.write(buffer(Long.BYTES).putLong(System.nanoTime() - begun).flip());
      }
    } catch (AsynchronousCloseException ended) {
      // the input ended before a client came
    } catch (IOException failure) {
      System.err.println("CDataServer gives its client up: " + failure);
    }
  }

  private static boolean filled(SocketChannel client, ByteBuffer target) throws IOException {
    while (target.hasRemaining()) {
      if (client.read(target) < 0) {
        return false;
      }
    }
    return true;
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
