package io.tensorbridge.op;

/**
 * One execution of an item: phases one after another, the chunks of a phase in any order and on any
 * thread.
 *
 * <p>A chunk is some hundred kilobytes of work: long enough to hide its dispatch, short enough for
 * progress and cancellation. The chunks of a phase touch different outputs and never depend on who
 * runs them, so the bytes are the same for any number of threads. What one phase wrote is visible to
 * the next.
 */
public interface OpRun {
  /**
   * The number of phases.
   *
   * @return at least 1
   */
  default int phaseCount() {
    return 1;
  }

  /**
   * The number of chunks of a phase; asked after the phase before has ended.
   *
   * @param phase 0 for the first
   * @return 0 if there is nothing to do
   */
  int chunkCount(int phase);

  /**
   * Does one chunk.
   *
   * @param phase the phase
   * @param chunk 0 to {@link #chunkCount} - 1; each is run once
   * @throws io.tensorbridge.TensorException if the data are not acceptable
   */
  void runChunk(int phase, int chunk);

  /**
   * Ends the execution after the last chunk.
   *
   * @return how it ended
   */
  default Outcome finish() {
    return Outcome.DONE;
  }
}
