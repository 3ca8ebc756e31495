package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * A server as its observers see it.
 *
 * <pre>
 *    0               4               8               12              16                              24
 *    +---------------+---------------+---------------+---------------+-------------------------------+
 *    | pid           | workers       | clients       | reserved      | uptime_nanos                  |
 *    +---------------+---------------+---------------+---------------+-------------------------------+
 *    | heap_used                     | heap_committed                | dropped_log_lines             |
 *    +-------------------------------+-------------------------------+-------------------------------+
 *   48                                                               80                             400
 *    +---------------------------------------------------------------+-------------------------------+
 *    | {@link HeldCounts}                                                    | {@link WorkCounts}                    |
 *    +---------------------------------------------------------------+-------------------------------+
 * </pre>
 *
 * @param pid its process
 * @param workers threads that all clients share
 * @param clients clients that have said HELLO and not gone
 * @param uptimeNanos since it began
 * @param heapUsed bytes of the Java heap in use
 * @param heapCommitted bytes of the Java heap
 * @param droppedLogLines lines of its log that found no reader in time
 * @param held what it holds for all clients
 * @param work what it did for all clients, those included that have gone
 */
public record ObservedServer(
    int pid,
    int workers,
    int clients,
    long uptimeNanos,
    long heapUsed,
    long heapCommitted,
    long droppedLogLines,
    HeldCounts held,
    WorkCounts work) {
  private static final int PID_OFFSET = 0;
  private static final int WORKERS_OFFSET = PID_OFFSET + 4;
  private static final int CLIENTS_OFFSET = WORKERS_OFFSET + 4;
  private static final int RESERVED_OFFSET = CLIENTS_OFFSET + 4;
  private static final int UPTIME_NANOS_OFFSET = RESERVED_OFFSET + 4;
  private static final int HEAP_USED_OFFSET = UPTIME_NANOS_OFFSET + 8;
  private static final int HEAP_COMMITTED_OFFSET = HEAP_USED_OFFSET + 8;
  private static final int DROPPED_LOG_LINES_OFFSET = HEAP_COMMITTED_OFFSET + 8;
  private static final int HELD_OFFSET = DROPPED_LOG_LINES_OFFSET + 8;
  private static final int WORK_OFFSET = HELD_OFFSET + HeldCounts.BYTES;

  /** The size of the structure. */
  static final int BYTES = WORK_OFFSET + WorkCounts.BYTES;

  static ObservedServer read(MemorySegment segment, long at) {
    return new ObservedServer(
        LittleEndian.getInt(segment, at + PID_OFFSET),
        LittleEndian.getInt(segment, at + WORKERS_OFFSET),
        LittleEndian.getInt(segment, at + CLIENTS_OFFSET),
        LittleEndian.getLong(segment, at + UPTIME_NANOS_OFFSET),
        LittleEndian.getLong(segment, at + HEAP_USED_OFFSET),
        LittleEndian.getLong(segment, at + HEAP_COMMITTED_OFFSET),
        LittleEndian.getLong(segment, at + DROPPED_LOG_LINES_OFFSET),
        HeldCounts.read(segment, at + HELD_OFFSET),
        WorkCounts.read(segment, at + WORK_OFFSET));
  }

  void write(MemorySegment segment, long at) {
    LittleEndian.putInt(segment, at + PID_OFFSET, pid);
    LittleEndian.putInt(segment, at + WORKERS_OFFSET, workers);
    LittleEndian.putInt(segment, at + CLIENTS_OFFSET, clients);
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
    LittleEndian.putLong(segment, at + UPTIME_NANOS_OFFSET, uptimeNanos);
    LittleEndian.putLong(segment, at + HEAP_USED_OFFSET, heapUsed);
    LittleEndian.putLong(segment, at + HEAP_COMMITTED_OFFSET, heapCommitted);
    LittleEndian.putLong(segment, at + DROPPED_LOG_LINES_OFFSET, droppedLogLines);
    held.write(segment, at + HELD_OFFSET);
    work.write(segment, at + WORK_OFFSET);
  }
}
