package io.tensorbridge;

/**
 * Every cause of failure, with the number that stands for it on the wire ({@code spec/errors.md}).
 *
 * <p>The hundreds group the causes: 1 the peer broke the protocol, 2 a tensor or an option is not
 * acceptable, 3 a quota, 4 the end of a batch or a bridge, 5 the system, 6 a file.
 */
public enum ErrorCode {
  /** No failure. */
  OK(0),

  /** A message, block or region does not begin with its magic number. */
  BAD_MAGIC(100),
  /** The major version is not spoken here. */
  UNSUPPORTED_VERSION(101),
  /** A stated length is not the length found. */
  BAD_LENGTH(102),
  /** An offset, alone or with its length, leaves the memory it points into, or overflows. */
  OFFSET_OVERFLOW(103),
  /** A count is above its limit. */
  BAD_COUNT(104),
  /** A dtype code is unknown. */
  BAD_DTYPE(105),
  /** A dimension is negative. */
  NEGATIVE_DIMENSION(106),
  /** A rank is above its limit or disagrees with the strides. */
  BAD_RANK(107),
  /** A flag or an enumeration value is unknown. */
  BAD_FLAGS(108),
  /** No region with this id is registered. */
  UNKNOWN_REGION(109),
  /** The region id was given to another region since. */
  STALE_GENERATION(110),
  /** A memory descriptor lacks the seals that its access requires. */
  UNSEALED_REGION(111),
  /** A memory descriptor is smaller or larger than announced. */
  REGION_SIZE_MISMATCH(112),
  /** An output lies in a region that is registered for reading. */
  REGION_NOT_WRITABLE(113),
  /** Two outputs of one batch overlap, or an output overlaps an input. */
  OUTPUT_OVERLAP(114),
  /** A ring index jumped: more entries are claimed than the ring holds. */
  RING_CORRUPT(115),
  /** No batch or prepared batch with this id exists. */
  UNKNOWN_BATCH(116),
  /** The batch id is in use. */
  DUPLICATE_BATCH(117),
  /** An offset is not aligned as the layout requires. */
  MISALIGNED(118),
  /** Text is not valid UTF-8. */
  BAD_TEXT(119),
  /** A message type or submission kind is unknown. */
  UNKNOWN_MESSAGE(120),
  /** The region id is in use. */
  REGION_EXISTS(121),
  /** A message came before the handshake, or the handshake came twice. */
  HANDSHAKE_REQUIRED(122),
  /** A message did not carry the descriptors that it must carry. */
  MISSING_DESCRIPTOR(123),
  /** An output descriptor is not what the operation's plan says. */
  OUTPUT_MISMATCH(124),

  /** The operation does not take this dtype. */
  UNSUPPORTED_DTYPE(200),
  /** A value is NaN or infinite. */
  NON_FINITE(201),
  /** A row does not divide into the blocks of the scheme. */
  NOT_DIVISIBLE(202),
  /** The operation does not take this shape or number of tensors. */
  BAD_SHAPE(203),
  /** The operation failed in a way it did not foresee. */
  TENSOR_FAILED(204),
  /** No operation with this name is registered. */
  UNKNOWN_OPERATION(250),
  /** The operation has no such option. */
  UNKNOWN_OPTION(251),
  /** The option's value is not acceptable. */
  BAD_OPTION(252),
  /** No scheme has this name. */
  UNKNOWN_SCHEME(253),

  /** The client's quota of registered bytes. */
  QUOTA_BYTES(300),
  /** The client's quota of regions. */
  QUOTA_REGIONS(301),
  /** The client's quota of batches in flight, or of prepared batches. */
  QUOTA_BATCHES(302),
  /** The limit of items in a batch. */
  QUOTA_ITEMS(303),
  /** The server's limit of clients. */
  QUOTA_CLIENTS(304),

  /** The batch was cancelled. */
  CANCELLED(400),
  /** The batch took longer than allowed. */
  TIMEOUT(401),
  /** The bridge, client, file or region was closed. */
  CLOSED(402),
  /** The server's process ended. */
  SERVER_DIED(403),
  /** The item waits for an output of the stated size. */
  NEEDS_SPACE(404),
  /** The item was not run because another item failed first. */
  SKIPPED(405),

  /** Memory could not be had. */
  OUT_OF_MEMORY(500),
  /** Descriptors could not be had. */
  OUT_OF_DESCRIPTORS(501),
  /** A system call failed. */
  SYSTEM_CALL(502),
  /** A defect of this software. */
  INTERNAL(503),
  /** The platform lacks what is needed. */
  UNSUPPORTED_PLATFORM(504),
  /** A region is still leased. */
  REGION_IN_USE(505),

  /** A file breaks a rule of its format. */
  BAD_FORMAT(600),
  /** A file could not be read or written. */
  FILE_IO(601);

  private final int number;

  ErrorCode(int number) {
    this.number = number;
  }

  /**
   * The number on the wire.
   *
   * @return 0 for {@link #OK}
   */
  public int number() {
    return number;
  }

  /**
   * The code with a number.
   *
   * @param number a number read from the wire
   * @return the code; {@link #INTERNAL} for a number of a newer version
   */
  public static ErrorCode ofNumber(int number) {
    for (ErrorCode code : values()) {
      if (code.number == number) {
        return code;
      }
    }
    return INTERNAL;
  }
}
