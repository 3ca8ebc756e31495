package io.tensorbridge;

/** What the peer may do with a region; chosen when the region is created. */
public enum Access {
  /** The peer may read only; the kernel refuses a writable mapping. */
  READ(1),
  /** Both sides may read and write: rings, outputs, in-place work. */
  READWRITE(2);

  private final int code;

  Access(int code) {
    this.code = code;
  }

  /**
   * The number that stands for this access on the wire.
   *
   * @return 1 or 2
   */
  public int code() {
    return code;
  }

  /**
   * The access with a wire code.
   *
   * @param code a number read from the wire
   * @return the access
   * @throws ProtocolException {@link ErrorCode#BAD_FLAGS} if the code is unknown
   */
  public static Access ofCode(int code) {
    return switch (code) {
      case 1 -> READ;
      case 2 -> READWRITE;
      default ->
          throw new ProtocolException(
              ErrorCode.BAD_FLAGS, "access " + code + " is unknown; known are 1 (read) and 2");
    };
  }
}
