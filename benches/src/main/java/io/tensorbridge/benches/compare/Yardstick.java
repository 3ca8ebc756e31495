package io.tensorbridge.benches.compare;

import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Role;
import java.util.List;
import java.util.function.Predicate;

/** What the contenders of a group are held against. */
public final class Yardstick {
  /** The name of the contender that the foundation defines as the legacy way. */
  private static final String LEGACY = "legacy";

  private Yardstick() {}

  /**
   * Chooses the contender named {@code legacy}, else the fastest one of that role, else the fastest
   * of ours, else the fastest.
   *
   * @param fastestFirst the samples of a group, at least one contender's
   * @return its place in the list
   */
  public static int of(List<Samples> fastestFirst) {
    List<Predicate<Samples>> preferences =
        List.of(
            samples -> samples.contender().equals(LEGACY),
            samples -> samples.role() == Role.LEGACY,
            samples -> samples.role() == Role.OURS);
    for (Predicate<Samples> preferred : preferences) {
      for (int i = 0; i < fastestFirst.size(); i++) {
        if (preferred.test(fastestFirst.get(i))) {
          return i;
        }
      }
    }
    return 0;
  }
}
