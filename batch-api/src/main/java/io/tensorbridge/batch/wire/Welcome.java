package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * The server's answer to {@link Hello}: who it is, and its limits.
 *
 * <pre>
 *   16      18      20              24              28              32
 *    +-------+-------+---------------+---------------+---------------+
 *    | major | minor | server_pid    | max_regions   | max_batches   |
 *    +-------+-------+---------------+---------------+---------------+
 *   32              36              40                              48
 *    | max_items     | worker_threads| max_bytes                     |
 *    +---------------+---------------+-------------------------------+
 *   48                              56                              64
 *    | max_block_bytes               | reserved                      |
 *    +-------------------------------+-------------------------------+
 * </pre>
 */
public final class Welcome {
  /** The size of the structure. */
  public static final int BYTES = 64;

  private static final int MAJOR_OFFSET = MessageHeader.BYTES;
  private static final int MINOR_OFFSET = MAJOR_OFFSET + 2;
  private static final int SERVER_PID_OFFSET = MINOR_OFFSET + 2;
  private static final int MAX_REGIONS_OFFSET = SERVER_PID_OFFSET + 4;
  private static final int MAX_BATCHES_OFFSET = MAX_REGIONS_OFFSET + 4;
  private static final int MAX_ITEMS_OFFSET = MAX_BATCHES_OFFSET + 4;
  private static final int WORKER_THREADS_OFFSET = MAX_ITEMS_OFFSET + 4;
  private static final int MAX_BYTES_OFFSET = WORKER_THREADS_OFFSET + 4;
  private static final int MAX_BLOCK_BYTES_OFFSET = MAX_BYTES_OFFSET + 8;
  private static final int RESERVED_OFFSET = MAX_BLOCK_BYTES_OFFSET + 8;

  private Welcome() {}

  /**
   * The version that the server speaks.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return the major number
   */
  public static int major(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + MAJOR_OFFSET);
  }

  /**
   * The additions that both sides know.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return the lower minor number of both
   */
  public static int minor(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + MINOR_OFFSET);
  }

  /**
   * The server's process, as it sees itself.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return a process id
   */
  public static int serverPid(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + SERVER_PID_OFFSET);
  }

  /**
   * The quota of regions.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return regions registered at a time
   */
  public static long maxRegions(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + MAX_REGIONS_OFFSET);
  }

  /**
   * The quota of batches.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return batches in flight and prepared, at a time
   */
  public static long maxBatches(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + MAX_BATCHES_OFFSET);
  }

  /**
   * The limit of items.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return items in one batch
   */
  public static long maxItems(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + MAX_ITEMS_OFFSET);
  }

  /**
   * The threads that work on batches.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return threads
   */
  public static long workerThreads(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + WORKER_THREADS_OFFSET);
  }

  /**
   * The quota of memory.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes registered in all
   */
  public static long maxBytes(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + MAX_BYTES_OFFSET);
  }

  /**
   * The limit of a batch block.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long maxBlockBytes(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + MAX_BLOCK_BYTES_OFFSET);
  }

  /**
   * A field without meaning yet.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0
   */
  public static long reserved(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + RESERVED_OFFSET);
  }

  /**
   * Writes a whole message of this version.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param requestId as in the {@link Hello}
   * @param minor the lower minor version of both sides
   * @param serverPid the server's process
   * @param limits what clients may ask for
   */
  public static void write(
      MemorySegment segment, long at, int requestId, int minor, int serverPid, Limits limits) {
    MessageHeader.write(segment, at, MessageType.WELCOME, requestId, BYTES);
    LittleEndian.putShort(segment, at + MAJOR_OFFSET, WireVersion.MAJOR);
    LittleEndian.putShort(segment, at + MINOR_OFFSET, minor);
    LittleEndian.putInt(segment, at + SERVER_PID_OFFSET, serverPid);
    LittleEndian.putInt(segment, at + MAX_REGIONS_OFFSET, limits.maxRegions());
    LittleEndian.putInt(segment, at + MAX_BATCHES_OFFSET, limits.maxBatches());
    LittleEndian.putInt(segment, at + MAX_ITEMS_OFFSET, limits.maxItems());
    LittleEndian.putInt(segment, at + WORKER_THREADS_OFFSET, limits.workerThreads());
    LittleEndian.putLong(segment, at + MAX_BYTES_OFFSET, limits.maxBytes());
    LittleEndian.putLong(segment, at + MAX_BLOCK_BYTES_OFFSET, limits.maxBlockBytes());
    LittleEndian.putLong(segment, at + RESERVED_OFFSET, 0);
  }

  /**
   * Reads the limits.
   *
   * @param segment where the message lies
   * @param at where it begins
   * @return what clients may ask for
   */
  public static Limits limits(MemorySegment segment, long at) {
    return new Limits(
        (int) maxRegions(segment, at),
        (int) maxBatches(segment, at),
        (int) maxItems(segment, at),
        (int) workerThreads(segment, at),
        maxBytes(segment, at),
        maxBlockBytes(segment, at));
  }

  /**
   * What one client may ask of a server.
   *
   * @param maxRegions regions registered at a time
   * @param maxBatches batches in flight and prepared, at a time
   * @param maxItems items in one batch
   * @param workerThreads threads that work on batches
   * @param maxBytes registered bytes in all
   * @param maxBlockBytes size of a batch block
   */
  public record Limits(
      int maxRegions,
      int maxBatches,
      int maxItems,
      int workerThreads,
      long maxBytes,
      long maxBlockBytes) {}
}
