package io.tensorbridge.batch.wire;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;

/** What a message on the socket is ({@code spec/handshake.md}). */
public enum MessageType {
  /** Client: {@link Hello}, with 4 descriptors. */
  HELLO(1),
  /** Server: {@link Welcome}. */
  WELCOME(2),
  /** Client: {@link Register}, with the region's descriptor. */
  REGISTER(3),
  /** Client: {@link Release}. */
  RELEASE(4),
  /** Server: a {@link Register} or {@link Release} was carried out. */
  OK(5),
  /** Client: asks for the operations. */
  OPERATIONS(6),
  /** Server: {@link OperationList}. */
  OPERATION_LIST(7),
  /** Server: {@link ErrorMessage}. */
  ERROR(8),
  /** Client: everything may be released. */
  GOODBYE(9),
  /** Client: {@link Observe}; may come before HELLO, or without. */
  OBSERVE(10),
  /** Server: {@link Observation}. */
  OBSERVATION(11);

  private final int code;

  MessageType(int code) {
    this.code = code;
  }

  /**
   * The number on the wire.
   *
   * @return 1 to 11
   */
  public int code() {
    return code;
  }

  /**
   * The type with a wire code.
   *
   * @param code a number read from the wire
   * @return the type
   * @throws ProtocolException {@link ErrorCode#UNKNOWN_MESSAGE} if the code is unknown
   */
  public static MessageType ofCode(int code) {
    for (MessageType type : values()) {
      if (type.code == code) {
        return type;
      }
    }
    throw new ProtocolException(
        ErrorCode.UNKNOWN_MESSAGE, "message type " + code + " is unknown; known are 1 to 11");
  }
}
