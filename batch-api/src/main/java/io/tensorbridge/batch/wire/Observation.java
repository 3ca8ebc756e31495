package io.tensorbridge.batch.wire;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * What a server does, and a page of its clients: the answer to {@link Observe}.
 *
 * <pre>
 *   16              20              24                              424
 *    +---------------+---------------+-------------------------------+------------------------
 *    | count         | flags         | {@link ObservedServer}                | {@link ObservedClient} ...
 *    +---------------+---------------+-------------------------------+------------------------
 * </pre>
 *
 * @param server the server
 * @param clients in the order of their ids
 * @param more whether further clients follow on the next page
 */
public record Observation(ObservedServer server, List<ObservedClient> clients, boolean more) {
  /** The size of the message without clients. */
  public static final int BYTES = MessageHeader.BYTES + 8 + ObservedServer.BYTES;

  private static final int MORE = 1;

  private static final int COUNT_OFFSET = MessageHeader.BYTES;
  private static final int FLAGS_OFFSET = COUNT_OFFSET + 4;
  private static final int SERVER_OFFSET = FLAGS_OFFSET + 4;
  private static final int CLIENTS_OFFSET = SERVER_OFFSET + ObservedServer.BYTES;

  /** Copies the list. */
  public Observation {
    clients = List.copyOf(clients);
  }

  /**
   * Writes a whole message with as many clients as fit, and says so if some did not.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param requestId of the question
   * @return the length of the message
   */
  public int write(MemorySegment segment, long at, int requestId) {
    long limit = Math.min(segment.byteSize() - at, MessageHeader.MAX_MESSAGE_BYTES);
    int length = CLIENTS_OFFSET;
    int count = 0;
    for (ObservedClient client : clients) {
      if (client.byteLength() > limit - length) {
        break;
      }
      client.write(segment, at + length);
      length += client.byteLength();
      count++;
    }
    boolean cut = more || count < clients.size();
    MessageHeader.write(segment, at, MessageType.OBSERVATION, requestId, length);
    LittleEndian.putInt(segment, at + COUNT_OFFSET, count);
    LittleEndian.putInt(segment, at + FLAGS_OFFSET, cut ? MORE : 0);
    server.write(segment, at + SERVER_OFFSET);
    return length;
  }

  /**
   * Reads a whole message.
   *
   * @param segment where the message lies; its end limits the list
   * @param at where it begins
   * @return the page
   * @throws ProtocolException {@link ErrorCode#BAD_LENGTH} if the records leave the message
   */
  public static Observation read(MemorySegment segment, long at) {
    if (segment.byteSize() - at < BYTES) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH, "an OBSERVATION has at least " + BYTES + " bytes");
    }
    long count = LittleEndian.getSize(segment, at + COUNT_OFFSET);
    List<ObservedClient> clients = new ArrayList<>();
    long record = at + CLIENTS_OFFSET;
    for (long i = 0; i < count; i++) {
      clients.add(ObservedClient.read(segment, record));
      record += ObservedClient.lengthOf(segment, record);
    }
    int flags = LittleEndian.getInt(segment, at + FLAGS_OFFSET);
    return new Observation(
        ObservedServer.read(segment, at + SERVER_OFFSET), clients, (flags & MORE) != 0);
  }
}
