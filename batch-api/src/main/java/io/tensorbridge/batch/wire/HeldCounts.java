package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * What is held for a client now, or for all.
 *
 * <pre>
 *    0               4               8               12              16              20              24                              32
 *    +---------------+---------------+---------------+---------------+---------------+---------------+-------------------------------+
 *    | regions       | leases        | in_flight     | kept          | queued        | reserved      | region_bytes                  |
 *    +---------------+---------------+---------------+---------------+---------------+---------------+-------------------------------+
 * </pre>
 *
 * @param regions registered regions
 * @param leases holds of batches on regions
 * @param inFlight batches that workers have
 * @param kept batches that are prepared, or whose items wait for space
 * @param queued submissions that the server has not taken yet
 * @param regionBytes bytes of the regions
 */
public record HeldCounts(
    int regions, int leases, int inFlight, int kept, int queued, long regionBytes) {
  /** The size of the structure. */
  static final int BYTES = 32;

  /** Nothing. */
  public static final HeldCounts NONE = new HeldCounts(0, 0, 0, 0, 0, 0);

  private static final int REGIONS_OFFSET = 0;
  private static final int LEASES_OFFSET = REGIONS_OFFSET + 4;
  private static final int IN_FLIGHT_OFFSET = LEASES_OFFSET + 4;
  private static final int KEPT_OFFSET = IN_FLIGHT_OFFSET + 4;
  private static final int QUEUED_OFFSET = KEPT_OFFSET + 4;
  private static final int RESERVED_OFFSET = QUEUED_OFFSET + 4;
  private static final int REGION_BYTES_OFFSET = RESERVED_OFFSET + 4;

  /**
   * What is held here and there.
   *
   * @param other for another client
   * @return the sums
   */
  public HeldCounts plus(HeldCounts other) {
    return new HeldCounts(
        regions + other.regions,
        leases + other.leases,
        inFlight + other.inFlight,
        kept + other.kept,
        queued + other.queued,
        regionBytes + other.regionBytes);
  }

  static HeldCounts read(MemorySegment segment, long at) {
    return new HeldCounts(
        LittleEndian.getInt(segment, at + REGIONS_OFFSET),
        LittleEndian.getInt(segment, at + LEASES_OFFSET),
        LittleEndian.getInt(segment, at + IN_FLIGHT_OFFSET),
        LittleEndian.getInt(segment, at + KEPT_OFFSET),
        LittleEndian.getInt(segment, at + QUEUED_OFFSET),
        LittleEndian.getLong(segment, at + REGION_BYTES_OFFSET));
  }

  void write(MemorySegment segment, long at) {
    LittleEndian.putInt(segment, at + REGIONS_OFFSET, regions);
    LittleEndian.putInt(segment, at + LEASES_OFFSET, leases);
    LittleEndian.putInt(segment, at + IN_FLIGHT_OFFSET, inFlight);
    LittleEndian.putInt(segment, at + KEPT_OFFSET, kept);
    LittleEndian.putInt(segment, at + QUEUED_OFFSET, queued);
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
    LittleEndian.putLong(segment, at + REGION_BYTES_OFFSET, regionBytes);
  }
}
