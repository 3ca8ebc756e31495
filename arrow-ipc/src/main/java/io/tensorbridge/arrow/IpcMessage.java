package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.apache.arrow.flatbuf.Message;

/**
 * A message in place: metadata and body.
 *
 * <pre>
 *   0         4          8                                           8 + length
 *   +---------+----------+-------------------------------------------+----------------------+
 *   | FFFFFFFF|  length  | metadata: a flatbuffer, padded            | body: buffers        |
 *   +---------+----------+-------------------------------------------+----------------------+
 * </pre>
 *
 * @param header verified, of the metadata's private copy
 * @param metadata where the flatbuffer lies
 * @param body where the buffers lie
 */
record IpcMessage(Message header, ByteSource metadata, ByteSource body) {
  static final int PREFIX_BYTES = 8;
  static final int CONTINUATION = -1;

  static final String BEGIN = "messages that begin with FFFFFFFF";
  static final String WITHIN = "messages within the file";

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  static int intAt(ByteSource source, long offset) {
    return source.bytes().get(INT, offset);
  }

  /**
   * The length of the metadata of the message at an offset; 0 marks the end of a stream.
   *
   * @throws FormatException if there is no message
   */
  static int metadataLength(ByteSource file, long offset) {
    if (file.size() - offset < PREFIX_BYTES) {
      throw file.broken(offset, WITHIN, "a message is cut short");
    }
    int continuation = intAt(file, offset);
    if (continuation != CONTINUATION) {
      throw file.broken(offset, BEGIN, String.format("a message begins with %08X; if it was written"
          + " before Arrow 0.15, write it again", Integer.reverseBytes(continuation)));
    }
    int length = intAt(file, offset + Integer.BYTES);
    if (length < 0 || length > file.size() - offset - PREFIX_BYTES) {
      throw file.broken(offset + Integer.BYTES, WITHIN, "metadata of " + length + " bytes");
    }
    return length;
  }

  /**
   * Reads the message at an offset.
   *
   * @param bodyOffset where its body begins; at or behind the end of the metadata
   * @throws FormatException with the rule that is broken
   */
  static IpcMessage read(ByteSource file, long offset, int metadataLength, long bodyOffset) {
    ByteSource metadata = file.slice("", offset + PREFIX_BYTES, metadataLength);
    Message header =
        Message.getRootAsMessage(MetadataVerifier.verify(metadata, MetadataTable.MESSAGE));
    long bodyLength = header.bodyLength();
    if (bodyLength < 0 || bodyOffset > file.size() || bodyLength > file.size() - bodyOffset) {
      throw metadata.broken(0, WITHIN, "a body of " + bodyLength + " bytes at byte " + bodyOffset
          + " of " + file.size());
    }
    return new IpcMessage(header, metadata, file.slice("", bodyOffset, bodyLength));
  }
}
