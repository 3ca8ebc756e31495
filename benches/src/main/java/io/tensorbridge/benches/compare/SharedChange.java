package io.tensorbridge.benches.compare;

import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.estimate.Estimator;
import io.tensorbridge.benches.sample.Samples.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Takes back verdicts on what a whole group went through.
 *
 * <p>A machine that is busier, or clocked otherwise, than in the earlier run moves every contender, and
 * no number of launches within a run shows it. Samples of a group are taken in turn, so contenders that
 * this project's code can't change (bounds, legacy, peers) tell how much of a change is the machine's.
 * A verdict stands only if the change also lies beyond the noise threshold when theirs is taken off.
 */
public final class SharedChange {
  private SharedChange() {}

  /**
   * A contender and how it changed.
   *
   * @param role whose it is
   * @param comparison against an earlier run
   */
  public record Member(Role role, Comparison comparison) {}

  /**
   * Judges the comparisons of one group together.
   *
   * @param group those of its contenders that were compared
   * @return the comparisons in the same order; one whose verdict was taken back says why among its
   *     environment changes
   */
  public static List<Comparison> discounted(List<Member> group) {
    return IntStream.range(0, group.size()).mapToObj(i -> discounted(group, i)).toList();
  }

  private static Comparison discounted(List<Member> group, int index) {
    Comparison comparison = group.get(index).comparison();
    double[] others =
        IntStream.range(0, group.size())
            .filter(i -> i != index && isControl(group.get(i), comparison.baseline()))
            .mapToDouble(i -> group.get(i).comparison().median().point())
            .toArray();
    if (comparison.verdict() == Verdict.NO_CHANGE || others.length == 0) {
      return comparison;
    }
    double shared = Estimator.median(others);
    Estimate change = comparison.median();
    double low = (1 + change.low()) / (1 + shared) - 1;
    double high = (1 + change.high()) / (1 + shared) - 1;
    boolean stands =
        switch (comparison.verdict()) {
          case REGRESSED -> low > comparison.noiseThreshold();
          case IMPROVED -> high < -comparison.noiseThreshold();
          case NO_CHANGE -> true;
        };
    return stands ? comparison : takenBack(comparison, shared);
  }

  private static boolean isControl(Member member, String baseline) {
    return member.role() != Role.OURS && member.comparison().baseline().equals(baseline);
  }

  private static Comparison takenBack(Comparison comparison, double shared) {
    List<String> reasons = new ArrayList<>(comparison.environmentChanges());
    reasons.add(
        "Contenders beside it that are not this project's changed by " + Units.change(shared)
            + ", so this one's change may be the machine's.");
    return new Comparison(
        comparison.format(),
        comparison.group(),
        comparison.contender(),
        comparison.baseline(),
        comparison.baselineStarted(),
        comparison.median(),
        comparison.mean(),
        comparison.pValue(),
        comparison.noiseThreshold(),
        Verdict.NO_CHANGE,
        reasons);
  }
}
