package io.tensorbridge.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Numbers of users and groups that are named on a command line, as the system knows them. */
final class Accounts {
  private static final int NUMBER_FIELD = 2;

  private Accounts() {}

  /**
   * The numbers behind names; a number stands for itself.
   *
   * @param option where the names stand
   * @param database {@code passwd} or {@code group}
   * @param names of users or groups
   * @return their numbers
   * @throws UsageException if there is no such user or group
   */
  static Set<Integer> numbers(String option, String database, List<String> names) {
    return names.stream()
        .map(name -> number(option, database, name))
        .collect(Collectors.toUnmodifiableSet());
  }

  private static int number(String option, String database, String name) {
    try {
      return Integer.parseUnsignedInt(name);
    } catch (NumberFormatException itIsAName) {
      return numberOf(option, database, name);
    }
  }

  /** Asks {@code getent}, which knows of directories on the network, too. */
  private static int numberOf(String option, String database, String name) {
    try {
      Process getent = new ProcessBuilder("getent", "--", database, name).start();
      String line = new String(getent.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      String[] fields = line.split(":", -1);
      if (getent.waitFor() == 0 && fields.length > NUMBER_FIELD) {
        return Integer.parseUnsignedInt(fields[NUMBER_FIELD]);
      }
    } catch (IOException | NumberFormatException unknown) {
      throw new UsageException(
          option + ": \"" + name + "\" can't be looked up; give its number: " + unknown);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    throw new UsageException(option + ": there is no \"" + name + "\" here");
  }
}
