package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.batch.wire.ErrorMessage;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.OperationList;
import io.tensorbridge.batch.wire.Welcome;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** A message of the server whose frame was checked, in private memory. */
record ServerMessage(MemorySegment bytes) {
  /**
   * Copies what was received.
   *
   * @throws ProtocolException if it is no message
   */
  static ServerMessage copyOf(MemorySegment received) {
    MemorySegment bytes = MemorySegment.ofArray(received.toArray(ValueLayout.JAVA_BYTE));
    if (bytes.byteSize() < MessageHeader.BYTES
        || MessageHeader.magic(bytes, 0) != MessageHeader.MAGIC
        || MessageHeader.length(bytes, 0) != bytes.byteSize()) {
      throw new ProtocolException(
          ErrorCode.BAD_MAGIC,
          "the server sent " + bytes.byteSize() + " bytes that are no message");
    }
    return new ServerMessage(bytes);
  }

  MessageType type() {
    return MessageType.ofCode(MessageHeader.type(bytes, 0));
  }

  int requestId() {
    return MessageHeader.requestId(bytes, 0);
  }

  /** What an ERROR says. */
  BridgeException error() {
    requireLength(ErrorMessage.BYTES);
    ErrorCode code = ErrorCode.ofNumber(ErrorMessage.code(bytes, 0));
    return BridgeException.of(code, ErrorMessage.text(bytes, 0));
  }

  /** What a WELCOME says; throws what an ERROR says. */
  Welcome.Limits requireWelcome() {
    if (type() == MessageType.ERROR) {
      throw error();
    }
    if (type() != MessageType.WELCOME) {
      throw new ProtocolException(
          ErrorCode.UNKNOWN_MESSAGE, "the server answered the handshake with " + type());
    }
    requireLength(Welcome.BYTES);
    return Welcome.limits(bytes, 0);
  }

  List<OperationList.Operation> operations() {
    requireLength(OperationList.BYTES);
    return OperationList.read(bytes, 0);
  }

  private void requireLength(int length) {
    if (bytes.byteSize() < length) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH,
          "the server sent a " + type() + " of only " + bytes.byteSize() + " bytes");
    }
  }
}
