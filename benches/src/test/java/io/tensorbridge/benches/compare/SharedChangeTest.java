package io.tensorbridge.benches.compare;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.benches.SamplesBuilder;
import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.compare.SharedChange.Member;
import io.tensorbridge.benches.sample.Samples.Role;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class SharedChangeTest {
  private static Member member(Role role, double factor) throws IOException {
    int[] launches = {0, 1, 2};
    Comparison comparison =
        new Comparer(0.05, 2000)
            .compare(
                "base",
                SamplesBuilder.of(1000, 1000, 1000).launches(launches).build(),
                SamplesBuilder.of(1000 * factor, 1000 * factor, 1000 * factor)
                    .launches(launches)
                    .build());
    return new Member(role, comparison);
  }

  private static List<Verdict> verdicts(Member... group) {
    return SharedChange.discounted(List.of(group)).stream().map(Comparison::verdict).toList();
  }

  @Test
  void slowdownOfOneStands() throws IOException {
    assertThat(
        verdicts(
            member(Role.OURS, 1.1), member(Role.OURS, 1), member(Role.LEGACY, 1),
            member(Role.BOUND, 1.01)))
        .containsExactly(
            Verdict.REGRESSED, Verdict.NO_CHANGE, Verdict.NO_CHANGE, Verdict.NO_CHANGE);
  }

  @Test
  void slowdownOfTheMachineIsTakenBackWithAReason() throws IOException {
    List<Comparison> group =
        SharedChange.discounted(
            List.of(
                member(Role.OURS, 1.3), member(Role.LEGACY, 1.32), member(Role.BOUND, 1.28)));
    assertThat(group).extracting(Comparison::verdict).containsOnly(Verdict.NO_CHANGE);
    assertThat(group.getFirst().environmentChanges())
        .containsExactly(
            "Contenders beside it that are not this project's changed by +30.0%, so this one's"
                + " change may be the machine's.");
  }

  @Test
  void changeBeyondThatOfTheMachineStands() throws IOException {
    assertThat(verdicts(member(Role.OURS, 0.6), member(Role.LEGACY, 0.8), member(Role.PEER, 0.8)))
        .containsExactly(Verdict.IMPROVED, Verdict.NO_CHANGE, Verdict.NO_CHANGE);
  }

  @Test
  void slowdownOfAllOursStands() throws IOException {
    assertThat(verdicts(member(Role.OURS, 1.1), member(Role.OURS, 1.1)))
        .containsExactly(Verdict.REGRESSED, Verdict.REGRESSED);
    assertThat(
        verdicts(member(Role.OURS, 1.1), member(Role.OURS, 1.1), member(Role.LEGACY, 1)))
        .containsExactly(Verdict.REGRESSED, Verdict.REGRESSED, Verdict.NO_CHANGE);
  }
}
