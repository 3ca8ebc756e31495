package io.tensorbridge.benches.estimate;

/**
 * Samples far from the others, by Tukey's fences: mild beyond 1.5, severe beyond 3 times the
 * interquartile range outside the quartiles. They are counted and shown, never dropped.
 *
 * @param lowSevere samples below {@code lowSevereFence}
 * @param lowMild samples below {@code lowMildFence} that are not severe
 * @param highMild samples above {@code highMildFence} that are not severe
 * @param highSevere samples above {@code highSevereFence}
 * @param lowSevereFence first quartile less 3 interquartile ranges
 * @param lowMildFence first quartile less 1.5 interquartile ranges
 * @param highMildFence third quartile plus 1.5 interquartile ranges
 * @param highSevereFence third quartile plus 3 interquartile ranges
 */
public record Outliers(
    int lowSevere,
    int lowMild,
    int highMild,
    int highSevere,
    double lowSevereFence,
    double lowMildFence,
    double highMildFence,
    double highSevereFence) {

  /**
   * All of them.
   *
   * @return the number of outliers
   */
  public int count() {
    return lowSevere + lowMild + highMild + highSevere;
  }
}
