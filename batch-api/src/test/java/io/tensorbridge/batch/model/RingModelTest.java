package io.tensorbridge.batch.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every order of steps of the ring protocol, and that the checker would find its mistakes.
 *
 * <p>With {@code -Dtensorbridge.model.report=FILE} all scenarios are explored in all store orders, and
 * what was found is added to the file, a line each.
 */
class RingModelTest {
  private static final String REPORT = System.getProperty("tensorbridge.model.report", "");
  private static final int MAX_STATES = 3_000_000;

  private static final String LOST_SUBMISSION = "the server sleeps while a submission waits";
  private static final String SLEEPS = "sleeps for ever";
  private static final String PY = "Python: one batch after the other";
  private static final String PY_FULL = "Python: three batches at once, a full ring";
  private static final String PY_WAIT = "Python: two threads wait, two workers";
  private static final String PY_LOOP = "Python: a thread and an event loop wait";
  private static final String PY_DIES = "Python: the client dies";
  private static final String JAVA = "Java: one batch after the other";
  private static final String JAVA_WAIT = "Java: two threads wait";

  static Stream<Arguments> scenarios() {
    List<Arguments> all = new ArrayList<>();
    for (Scenario scenario : Scenario.all()) {
      if (scenario.size() != Scenario.Size.LARGE || !REPORT.isEmpty()) {
        all.add(Arguments.of(scenario, Memory.Order.TOTAL));
      }
      if (scenario.size() == Scenario.Size.SMALL || !REPORT.isEmpty()) {
        all.add(Arguments.of(scenario, Memory.Order.WEAK));
      }
    }
    return all.stream();
  }

  @ParameterizedTest(name = "{0}, {1} store order")
  @MethodSource("scenarios")
  void everyWayEndsWell(Scenario scenario, Memory.Order order) throws IOException {
    Explorer.Result result =
        Explorer.explore(scenario.model(order, Mutation.NONE), MAX_STATES);
    assertThat(result.isRight()).as(result.text()).isTrue();
    report(
        "scenario", scenario.name(), text(order), result.states(), result.transitions(),
        "every way ends well");
  }

  private static Arguments mistake(
      Mutation mutation, String scenario, Memory.Order order, String violation) {
    return Arguments.of(mutation, scenario, order, violation);
  }

  static Stream<Arguments> mistakes() {
    Memory.Order none = Memory.Order.NONE;
    Memory.Order total = Memory.Order.TOTAL;
    Memory.Order weak = Memory.Order.WEAK;
    String early = "a slot is read before it was written";
    return Stream.of(
        mistake(Mutation.CLIENT_PUBLISHES_WITHOUT_FENCE, PY, total, LOST_SUBMISSION),
        mistake(Mutation.CLIENT_PUBLISHES_WITHOUT_FENCE, JAVA, total, LOST_SUBMISSION),
        mistake(Mutation.CLIENT_RINGS_BEFORE_STORE, PY, none, LOST_SUBMISSION),
        mistake(Mutation.CLIENT_RINGS_BEFORE_STORE, JAVA, none, LOST_SUBMISSION),
        mistake(Mutation.CLIENT_STORES_TAIL_PLAINLY, PY, weak, early),
        mistake(Mutation.CLIENT_STORES_TAIL_PLAINLY, JAVA, weak, early),
        mistake(Mutation.CLIENT_OVERFILLS_THE_RING, PY_FULL, total, "overwritten"),
        mistake(Mutation.CLIENT_SLEEPS_SILENTLY, PY, none, SLEEPS),
        mistake(Mutation.CLIENT_SLEEPS_SILENTLY, JAVA, none, SLEEPS),
        mistake(Mutation.CLIENT_SLEEPS_WITHOUT_FENCE, PY, total, SLEEPS),
        mistake(Mutation.CLIENT_SLEEPS_WITHOUT_FENCE, JAVA, total, SLEEPS),
        mistake(Mutation.CLIENT_SLEEPS_WITHOUT_SECOND_LOOK, PY, none, SLEEPS),
        mistake(Mutation.CLIENT_SLEEPS_WITHOUT_SECOND_LOOK, JAVA, none, SLEEPS),
        mistake(Mutation.CLIENT_CLEARS_BELL_AFTER_LOOKING, PY, none, SLEEPS),
        mistake(Mutation.CLIENT_CLEARS_BELL_AFTER_LOOKING, JAVA_WAIT, total, SLEEPS),
        mistake(Mutation.LEADER_LEAVES_WITHOUT_A_WORD, PY_WAIT, none, SLEEPS),
        mistake(Mutation.LEADER_LEAVES_LOOPS_UNTOLD, PY_LOOP, none, "in circles"),
        mistake(Mutation.LEADER_LEAVES_LOOPS_WITHOUT_LOOKING, PY_LOOP, none, SLEEPS),
        mistake(Mutation.LEADER_IS_NOT_WOKEN, JAVA_WAIT, total, SLEEPS),
        mistake(Mutation.READER_TAKES_THE_LEADERS_RING, JAVA_WAIT, total, SLEEPS),
        mistake(Mutation.READER_IS_LEFT_WITHOUT_BELL, JAVA_WAIT, total, SLEEPS),
        mistake(Mutation.SERVER_POSTS_WITHOUT_FENCE, PY, total, SLEEPS),
        mistake(Mutation.SERVER_STORES_TAIL_PLAINLY, PY, weak, early),
        mistake(Mutation.SERVER_SLEEPS_WITHOUT_FENCE, PY, total, LOST_SUBMISSION),
        mistake(Mutation.SERVER_SLEEPS_WITHOUT_SECOND_LOOK, PY, none, LOST_SUBMISSION),
        mistake(Mutation.SERVER_SLEEPS_SILENTLY, PY, none, LOST_SUBMISSION),
        mistake(Mutation.SERVER_CLEARS_BELL_AFTER_LOOKING, PY, none, LOST_SUBMISSION),
        mistake(Mutation.SERVER_POSTS_WITHOUT_LOCK, PY_WAIT, none, "overwritten"),
        mistake(
            Mutation.SERVER_COMPLETES_CANCELLED_TWICE,
            "Python: a request to cancel",
            none,
            "a second completion"),
        mistake(Mutation.SERVER_DOES_NOT_WATCH_THE_CLIENT, PY_DIES, none, "never releases"),
        mistake(Mutation.SERVER_RELEASES_TOO_SOON, PY_DIES, none, "memory that was released"),
        mistake(Mutation.SERVER_FORGETS_THE_LAST_BATCH, PY_DIES, none, "never releases"));
  }

  @ParameterizedTest(name = "{0}: {1}, {2} store order")
  @MethodSource("mistakes")
  void aMistakeIsFound(Mutation mutation, String name, Memory.Order order, String violation)
      throws IOException {
    Explorer.Result result =
        Explorer.explore(Scenario.named(name).model(order, mutation), MAX_STATES);
    System.out.println(mutation + ", " + name + ", " + order + ": " + result.text() + "\n");
    assertThat(result.violation()).contains(violation);
    assertThat(result.trace()).isNotEmpty();
    report(
        "mistake", mutation.toString().toLowerCase(Locale.ROOT).replace('_', ' '), name,
        text(order), result.trace().size(), result.violation());
  }

  @Test
  void everyMistakeIsTried() {
    EnumSet<Mutation> tried = EnumSet.of(Mutation.NONE);
    mistakes().forEach(arguments -> tried.add((Mutation) arguments.get()[0]));
    assertThat(tried).containsExactlyInAnyOrder(Mutation.values());
  }

  private static String text(Memory.Order order) {
    return switch (order) {
      case NONE -> "sequential";
      case TOTAL -> "total (x86-64)";
      case WEAK -> "weak (aarch64)";
    };
  }

  private static void report(Object... cells) throws IOException {
    if (!REPORT.isEmpty()) {
      String line = String.join("\t", Arrays.stream(cells).map(Object::toString).toList());
      Files.writeString(
          Path.of(REPORT), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
  }
}
