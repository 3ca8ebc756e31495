package io.tensorbridge.arrow;

import java.util.OptionalLong;

/**
 * How an Arrow file is read.
 *
 * @param mostOwnBytes how much memory the reader may take for what can't be read in place: bodies
 *     that are compressed, and dictionaries that deltas are joined to; empty for 256 times the bytes
 *     of the file, but at least 1 GiB
 */
public record ReadOptions(OptionalLong mostOwnBytes) {
  private static final long LEAST_LIMIT = 1L << 30;
  private static final int USUAL_RATIO = 256;

  /**
   * The options that nobody needs to think about.
   *
   * @return the defaults
   */
  public static ReadOptions defaults() {
    return new ReadOptions(OptionalLong.empty());
  }

  /**
   * These options with another limit.
   *
   * @param bytes the most memory that the reader may take
   * @return options
   */
  public ReadOptions withMostOwnBytes(long bytes) {
    return new ReadOptions(OptionalLong.of(bytes));
  }

  long limit(long fileBytes) {
    long usual = fileBytes > Long.MAX_VALUE / USUAL_RATIO
        ? Long.MAX_VALUE
        : fileBytes * USUAL_RATIO;
    return mostOwnBytes.orElse(Math.max(LEAST_LIMIT, usual));
  }
}
