package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.batch.wire.Hello;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.Observe;
import io.tensorbridge.batch.wire.Register;
import io.tensorbridge.batch.wire.Release;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.Received;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A message of a client in private memory, with its descriptors. */
final class IncomingMessage {
  private final MemorySegment bytes;
  private final Received received;
  private final Consumer<Fd> discard;
  private boolean fdsKept;

  /** A message after which nothing that follows can be trusted: the connection ends. */
  static final class FramingException extends Exception {
    private static final long serialVersionUID = 1L;

    private final BridgeException refusal;

    FramingException(BridgeException refusal) {
      super(refusal);
      this.refusal = refusal;
    }

    FramingException(ErrorCode code, String rule) {
      this(new ProtocolException(code, rule));
    }

    BridgeException refusal() {
      return refusal;
    }
  }

  private IncomingMessage(MemorySegment bytes, Received received, Consumer<Fd> discard) {
    this.bytes = bytes;
    this.received = received;
    this.discard = discard;
  }

  /**
   * Takes the next message of a socket that is ready.
   *
   * @param socket the client's
   * @param buffer private memory, used by the message
   * @param discard closes a descriptor without waiting for the client
   * @return the message, whose descriptors must be closed or kept; null at the connection's end
   */
  static @Nullable IncomingMessage receive(
      LocalSocket socket, MemorySegment buffer, Consumer<Fd> discard) {
    Received received;
    try {
      received = socket.receive(buffer, LocalSocket.MAX_DESCRIPTORS);
    } catch (BridgeException broken) {
      return null;
    }
    if (received.length() == 0) {
      received.fds().forEach(discard); // an empty message may have some
      return null;
    }
    return new IncomingMessage(buffer.asSlice(0, received.length()), received, discard);
  }

  MemorySegment bytes() {
    return bytes;
  }

  List<Fd> fds() {
    return received.fds();
  }

  int requestId() {
    return MessageHeader.requestId(bytes, 0);
  }

  /** Leaves the descriptors to whoever took them. */
  void keepFds() {
    fdsKept = true;
  }

  void closeFds() {
    if (!fdsKept) {
      received.fds().forEach(discard);
    }
  }

  /**
   * Checks the framing.
   *
   * @param greeted whether the handshake is over
   * @return what the client wants
   * @throws FramingException if the message is not one that a client may send now
   * @throws ResourceException if descriptors were lost because this process has too many
   */
  MessageType requireType(boolean greeted) throws FramingException {
    if (bytes.byteSize() < MessageHeader.BYTES) {
      throw new FramingException(ErrorCode.BAD_LENGTH, "a message has at least 16 bytes");
    }
    if (MessageHeader.magic(bytes, 0) != MessageHeader.MAGIC) {
      throw new FramingException(ErrorCode.BAD_MAGIC, "a message begins with \"TBMG\"");
    }
    MessageType type = typeOfCode();
    int expected = lengthOf(type);
    if (expected < 0) {
      throw new FramingException(
          ErrorCode.UNKNOWN_MESSAGE, type + " is a message of the server");
    }
    if (type != MessageType.OBSERVE && (type == MessageType.HELLO) == greeted) {
      throw new FramingException(
          ErrorCode.HANDSHAKE_REQUIRED, "the first message is HELLO, and only the first");
    }
    requireAllDescriptors(type, expected);
    long stated = MessageHeader.length(bytes, 0);
    if (received.truncated() || bytes.byteSize() != expected || stated != expected) {
      throw new FramingException(
          ErrorCode.BAD_LENGTH,
          type + " has " + expected + " bytes; stated are " + stated + ", received "
              + bytes.byteSize());
    }
    return type;
  }

  /**
   * Descriptors are lost where the client sent more than anybody may, or where this process could
   * not have more: it has broken nothing then, and may try again.
   */
  private void requireAllDescriptors(MessageType type, int expected) throws FramingException {
    boolean whole = bytes.byteSize() == expected;
    if (received.truncated() && whole && fds().size() < LocalSocket.MAX_DESCRIPTORS) {
      ResourceException exhausted =
          new ResourceException(
              ErrorCode.OUT_OF_DESCRIPTORS,
              "the server has no descriptor left for what " + type + " brings; raise its limit"
                  + " (ulimit -n), or close other clients");
      if (type == MessageType.HELLO) {
        throw new FramingException(exhausted);
      }
      throw exhausted;
    }
  }

  private MessageType typeOfCode() throws FramingException {
    try {
      return MessageType.ofCode(MessageHeader.type(bytes, 0));
    } catch (ProtocolException unknown) {
      throw new FramingException(unknown);
    }
  }

  private static int lengthOf(MessageType type) {
    return switch (type) {
      case HELLO -> Hello.BYTES;
      case REGISTER -> Register.BYTES;
      case RELEASE -> Release.BYTES;
      case OPERATIONS, GOODBYE -> MessageHeader.BYTES;
      case OBSERVE -> Observe.BYTES;
      case WELCOME, OK, OPERATION_LIST, ERROR, OBSERVATION -> -1;
    };
  }

  void requireNoReserved() {
    if (MessageHeader.reserved(bytes, 0) != 0) {
      throw new ProtocolException(ErrorCode.BAD_FLAGS, "a reserved field of a message is not 0");
    }
  }
}
