package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The control region of a connection: its two rings and the words by which the sides wake each
 * other. Each word that changes has a cache line of its own.
 *
 * <pre>
 *     0  magic "TBRCTRL1" | ring_entries N
 *    64  sq_tail          written by the client: submissions published
 *   128  cq_head          written by the client: completions taken
 *   192  client_sleeping  written by the client
 *   256  sq_head          written by the server: submissions taken
 *   320  cq_tail          written by the server: completions published
 *   384  server_sleeping  written by the server
 *   512  {@link SubmissionEntry}[N]
 *   512 + 128 N  {@link CompletionEntry}[N]
 * </pre>
 *
 * <p>Index words are stored with release and loaded with acquire. Between publishing and looking at
 * the other side's sleeping word, and between storing the own sleeping word and looking for news, a
 * {@link VarHandle#fullFence()} is needed.
 */
public final class ControlLayout {
  /** The bytes "TBRCTRL1". */
  public static final long MAGIC = 0x314C_5254_4352_4254L;

  /** The smallest ring. */
  public static final int MIN_ENTRIES = 8;

  /** The largest ring. */
  public static final int MAX_ENTRIES = 4096;

  private static final int LINE = 64;
  private static final int MAGIC_OFFSET = 0;
  private static final int RING_ENTRIES_OFFSET = MAGIC_OFFSET + 8;
  private static final int SQ_TAIL_OFFSET = LINE;
  private static final int CQ_HEAD_OFFSET = SQ_TAIL_OFFSET + LINE;
  private static final int CLIENT_SLEEPING_OFFSET = CQ_HEAD_OFFSET + LINE;
  private static final int SQ_HEAD_OFFSET = CLIENT_SLEEPING_OFFSET + LINE;
  private static final int CQ_TAIL_OFFSET = SQ_HEAD_OFFSET + LINE;
  private static final int SERVER_SLEEPING_OFFSET = CQ_TAIL_OFFSET + LINE;
  private static final int RINGS_OFFSET = SERVER_SLEEPING_OFFSET + 2 * LINE;

  private static final VarHandle WORD =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

  private ControlLayout() {}

  /**
   * The size of a control region.
   *
   * @param entries of each ring
   * @return bytes
   */
  public static long byteLength(int entries) {
    return completionsOffset(entries) + (long) CompletionEntry.BYTES * entries;
  }

  /**
   * Whether a number of entries is allowed.
   *
   * @param entries of each ring
   * @return true for powers of 2 from {@link #MIN_ENTRIES} to {@link #MAX_ENTRIES}
   */
  public static boolean isRingSize(long entries) {
    return entries >= MIN_ENTRIES && entries <= MAX_ENTRIES && Long.bitCount(entries) == 1;
  }

  /**
   * Writes the head of a fresh control region.
   *
   * @param control the region, zeroed
   * @param entries of each ring
   */
  public static void initialize(MemorySegment control, int entries) {
    LittleEndian.putLong(control, MAGIC_OFFSET, MAGIC);
    LittleEndian.putInt(control, RING_ENTRIES_OFFSET, entries);
  }

  /**
   * What marks a control region.
   *
   * @param control the region
   * @return {@link #MAGIC} if it is one
   */
  public static long magic(MemorySegment control) {
    return LittleEndian.getLong(control, MAGIC_OFFSET);
  }

  /**
   * The size of both rings.
   *
   * @param control the region
   * @return entries
   */
  public static long ringEntries(MemorySegment control) {
    return LittleEndian.getSize(control, RING_ENTRIES_OFFSET);
  }

  /**
   * Where a submission lies.
   *
   * @param entries of each ring, a power of 2
   * @param index of the submission, counted for ever
   * @return offset of a {@link SubmissionEntry}
   */
  public static long submissionOffset(int entries, int index) {
    return RINGS_OFFSET + (long) SubmissionEntry.BYTES * (index & (entries - 1));
  }

  /**
   * Where a completion lies.
   *
   * @param entries of each ring, a power of 2
   * @param index of the completion, counted for ever
   * @return offset of a {@link CompletionEntry}
   */
  public static long completionOffset(int entries, int index) {
    return completionsOffset(entries) + (long) CompletionEntry.BYTES * (index & (entries - 1));
  }

  private static long completionsOffset(int entries) {
    return RINGS_OFFSET + (long) SubmissionEntry.BYTES * entries;
  }

  /**
   * The submissions published by the client, loaded with acquire.
   *
   * @param control the region
   * @return an index counted for ever, modulo 2<sup>32</sup>
   */
  public static int submissionTail(MemorySegment control) {
    return (int) WORD.getAcquire(control, (long) SQ_TAIL_OFFSET);
  }

  /**
   * Stores the submissions published by the client with release.
   *
   * @param control the region
   * @param index counted for ever, modulo 2<sup>32</sup>
   */
  public static void storeSubmissionTail(MemorySegment control, int index) {
    WORD.setRelease(control, (long) SQ_TAIL_OFFSET, index);
  }

  /**
   * The submissions taken by the server, loaded with acquire.
   *
   * @param control the region
   * @return an index counted for ever, modulo 2<sup>32</sup>
   */
  public static int submissionHead(MemorySegment control) {
    return (int) WORD.getAcquire(control, (long) SQ_HEAD_OFFSET);
  }

  /**
   * Stores the submissions taken by the server with release.
   *
   * @param control the region
   * @param index counted for ever, modulo 2<sup>32</sup>
   */
  public static void storeSubmissionHead(MemorySegment control, int index) {
    WORD.setRelease(control, (long) SQ_HEAD_OFFSET, index);
  }

  /**
   * The completions published by the server, loaded with acquire.
   *
   * @param control the region
   * @return an index counted for ever, modulo 2<sup>32</sup>
   */
  public static int completionTail(MemorySegment control) {
    return (int) WORD.getAcquire(control, (long) CQ_TAIL_OFFSET);
  }

  /**
   * Stores the completions published by the server with release.
   *
   * @param control the region
   * @param index counted for ever, modulo 2<sup>32</sup>
   */
  public static void storeCompletionTail(MemorySegment control, int index) {
    WORD.setRelease(control, (long) CQ_TAIL_OFFSET, index);
  }

  /**
   * The completions taken by the client, loaded with acquire.
   *
   * @param control the region
   * @return an index counted for ever, modulo 2<sup>32</sup>
   */
  public static int completionHead(MemorySegment control) {
    return (int) WORD.getAcquire(control, (long) CQ_HEAD_OFFSET);
  }

  /**
   * Stores the completions taken by the client with release.
   *
   * @param control the region
   * @param index counted for ever, modulo 2<sup>32</sup>
   */
  public static void storeCompletionHead(MemorySegment control, int index) {
    WORD.setRelease(control, (long) CQ_HEAD_OFFSET, index);
  }

  /**
   * Whether the client wants its doorbell rung; look after a full fence.
   *
   * @param control the region
   * @return true if it sleeps or is about to
   */
  public static boolean clientSleeping(MemorySegment control) {
    return (int) WORD.getAcquire(control, (long) CLIENT_SLEEPING_OFFSET) == 1;
  }

  /**
   * Tells whether the client wants its doorbell rung; a full fence must follow before it sleeps.
   *
   * @param control the region
   * @param sleeping whether it is about to sleep
   */
  public static void storeClientSleeping(MemorySegment control, boolean sleeping) {
    WORD.setRelease(control, (long) CLIENT_SLEEPING_OFFSET, sleeping ? 1 : 0);
  }

  /**
   * Whether the server wants its doorbell rung; look after a full fence.
   *
   * @param control the region
   * @return true if it sleeps or is about to
   */
  public static boolean serverSleeping(MemorySegment control) {
    return (int) WORD.getAcquire(control, (long) SERVER_SLEEPING_OFFSET) == 1;
  }

  /**
   * Tells whether the server wants its doorbell rung; a full fence must follow before it sleeps.
   *
   * @param control the region
   * @param sleeping whether it is about to sleep
   */
  public static void storeServerSleeping(MemorySegment control, boolean sleeping) {
    WORD.setRelease(control, (long) SERVER_SLEEPING_OFFSET, sleeping ? 1 : 0);
  }
}
