package io.tensorbridge.quantize.internal.kernel;

/**
 * When a vector twin is trained, and how much of a processor that may take. Training costs between
 * one and two seconds of processor time, most of it the compiler's: what it saves in that time
 * depends on how slow the scalar twin is.
 */
enum TrainingPace {
  /** The scalar twin runs at gigabytes per second: after 2 GiB of float32, in the gaps of work. */
  PATIENT(512L << 20, 3),
  /** The scalar twin needs a second for less than 200 MB: after 4 MiB, as fast as can be. */
  EAGER(1L << 20, 0);

  private final long thresholdElements;
  private final int rest;

  TrainingPace(long thresholdElements, int rest) {
    this.thresholdElements = thresholdElements;
    this.rest = rest;
  }

  /** The work after which training begins unasked. */
  long thresholdElements() {
    return thresholdElements;
  }

  /** How many times longer than it works the training rests. */
  int rest() {
    return rest;
  }
}
