package io.tensorbridge.batch.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;

/** What the checker says of worlds whose states one can count. */
class ExplorerTest {
  private final Variables variables = new Variables();
  private final int a = variables.one("a", 0);
  private final int b = variables.one("b", 0);

  /** Changes a variable; waits where the next value is below 0. */
  private Agent changes(String name, int variable, IntUnaryOperator next) {
    return new Agent() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public String step(State state, int choice) {
        int value = next.applyAsInt(state.get(variable));
        Blocked.unless(value >= 0);
        state.set(variable, value);
        return "goes on";
      }
    };
  }

  private Explorer.Result explore(Model.End end, Agent... agents) {
    return Explorer.explore(new Model(variables, List.of(agents), end), 1000);
  }

  @Test
  void everyStateIsReached() {
    Explorer.Result result =
        explore(
            state -> "",
            changes("x", a, now -> now < 4 ? now + 1 : -1),
            changes("y", b, now -> now < 2 ? now + 1 : -1));
    assertThat(result.isRight()).isTrue();
    assertThat(result.states()).isEqualTo(5 * 3);
    assertThat(result.transitions()).isEqualTo(4 * 3 + 5 * 2);
  }

  @Test
  void aStateWithoutAnEndIsFoundByTheShortestWay() {
    Explorer.Result result =
        explore(
            state -> state.get(a) == 3 ? "stuck at 3" : "",
            changes("x", a, now -> now < 3 ? now + 1 : -1));
    assertThat(result.violation()).isEqualTo("stuck at 3");
    assertThat(result.trace()).hasSize(3);
    assertThat(result.trace().getLast()).isEqualTo("x: goes on   [a=3]");
  }

  @Test
  void aCircleThatAFairAgentBreaksIsNone() {
    Agent toggles = changes("x", a, now -> now == 2 ? -1 : 1 - now);
    assertThat(explore(state -> "", toggles).violation()).contains("in circles");
    Agent breaks = changes("y", a, now -> now == 2 ? -1 : 2);
    assertThat(explore(state -> "", toggles, breaks).isRight()).isTrue();
    Agent breaksAtOne = changes("z", a, now -> now == 1 ? 2 : -1);
    assertThat(explore(state -> "", toggles, breaksAtOne).violation()).contains("in circles");
  }
}
