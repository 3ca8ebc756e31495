package io.tensorbridge.quantize.internal.kernel;

/**
 * When a vector twin is trained, and how much of a processor that may take. Training costs between
 * one and two seconds of processor time, most of it the compiler's: what it saves in that time
 * depends on how slow the scalar twin is.
 */
enum TrainingPace {
  /** The scalar twin runs at gigabytes per second: after 2 GiB of float32, in the gaps of work. */
  PATIENT(512L << 20, 3, Long.MAX_VALUE),
  /**
   * The scalar twin needs a second for less than 200 MB: after 4 MiB, as fast as can be. Where 128
   * MiB or more are known to come, the work itself is the better training.
   */
  EAGER(1L << 20, 0, 32L << 20);

  private final long thresholdElements;
  private final int rest;
  private final long atOnceElements;

  TrainingPace(long thresholdElements, int rest, long atOnceElements) {
    this.thresholdElements = thresholdElements;
    this.rest = rest;
    this.atOnceElements = atOnceElements;
  }

  /** The work after which training begins unasked. */
  long thresholdElements() {
    return thresholdElements;
  }

  /** How many times longer than it works the training rests. */
  int rest() {
    return rest;
  }

  /** The work to come for which the vector twin is taken before it is compiled. */
  long atOnceElements() {
    return atOnceElements;
  }
}
