package io.tensorbridge.batch.wire;

import io.tensorbridge.Access;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;

/** What a client registers: the field {@code access} of {@link Register}. */
public enum RegionAccess {
  /** Sealed memory that the server may read. */
  READ(1),
  /** Sealed memory that the server may read and write. */
  READWRITE(2),
  /** A file that the server may read: no seal keeps its size. */
  FILE(3);

  private final int code;

  RegionAccess(int code) {
    this.code = code;
  }

  /**
   * The number on the wire.
   *
   * @return 1 to 3
   */
  public int code() {
    return code;
  }

  /**
   * What sealed memory is registered as.
   *
   * @param access what the server may do with it
   * @return never {@link #FILE}
   */
  public static RegionAccess of(Access access) {
    return switch (access) {
      case READ -> READ;
      case READWRITE -> READWRITE;
    };
  }

  /**
   * The access with a wire code.
   *
   * @param code a number read from the wire
   * @return the access
   * @throws ProtocolException {@link ErrorCode#BAD_FLAGS} if the code is unknown
   */
  public static RegionAccess ofCode(int code) {
    return switch (code) {
      case 1 -> READ;
      case 2 -> READWRITE;
      case 3 -> FILE;
      default ->
          throw new ProtocolException(
              ErrorCode.BAD_FLAGS,
              "access " + code + " is unknown; known are 1 (read), 2 (readwrite) and 3 (file)");
    };
  }
}
