package io.tensorbridge.quantize.extract;

/** Hears how far an extraction is, and may end it; called by the working threads. */
@FunctionalInterface
public interface ExtractionProgress {
  /**
   * Work was done; called in turn, with rising numbers.
   *
   * @param doneBytes compared so far
   * @param totalBytes to be compared
   */
  void progressed(long doneBytes, long totalBytes);

  /**
   * Whether to end; asked before each layer.
   *
   * @return true to make the extraction throw
   */
  default boolean cancelled() {
    return false;
  }
}
