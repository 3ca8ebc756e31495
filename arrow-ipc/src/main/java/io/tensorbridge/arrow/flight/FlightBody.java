package io.tensorbridge.arrow.flight;

import io.grpc.HasByteBuffer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A body as it lies in the network's buffers, to be copied once to where it belongs. */
final class FlightBody implements AutoCloseable {
  private static final int CHUNK_BYTES = 1 << 16;

  private final InputStream stream;
  private final long length;

  /** Takes the stream over. */
  FlightBody(InputStream stream, long length) {
    this.stream = stream;
    this.length = length;
  }

  static FlightBody empty() {
    return new FlightBody(InputStream.nullInputStream(), 0);
  }

  long length() {
    return length;
  }

  /**
   * Copies the body; once.
   *
   * @param target of as many bytes
   * @throws IOException if the stream has fewer
   */
  void copyTo(MemorySegment target) throws IOException {
    long done = 0;
    while (done < length) {
      ByteBuffer piece = direct();
      int count;
      if (piece != null && piece.hasRemaining()) {
        count = (int) Math.min(piece.remaining(), length - done);
        MemorySegment.copy(MemorySegment.ofBuffer(piece), 0, target, done, count);
        stream.skipNBytes(count);
      } else {
        byte[] chunk = stream.readNBytes((int) Math.min(CHUNK_BYTES, length - done));
        if (chunk.length == 0) {
          throw new IOException("a body of " + length + " bytes ends after " + done);
        }
        count = chunk.length;
        MemorySegment.copy(MemorySegment.ofArray(chunk), 0, target, done, count);
      }
      done += count;
    }
  }

  private @Nullable ByteBuffer direct() {
    return stream instanceof HasByteBuffer buffers && buffers.byteBufferSupported()
        ? buffers.getByteBuffer()
        : null;
  }

  @Override
  public void close() {
    try {
      stream.close();
    } catch (IOException impossible) {
      throw new IllegalStateException("buffers in memory can't be closed", impossible);
    }
  }
}
