package io.tensorbridge.quantize.internal.kernel;

/**
 * One loop over all lanes of a search.
 *
 * <p>A search runs its phases from an array, so that the compiler cannot tell which comes next and
 * compiles each by itself. Inlined into one method they exceed what it takes in: it then leaves
 * vector operations as calls with boxed vectors, a hundred times slower.
 */
interface LanePhase {
  /**
   * Runs the phase.
   *
   * @param trial the trial it belongs to; meaningless outside trials
   */
  void run(int trial);
}
