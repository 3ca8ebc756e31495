package io.tensorbridge.batch;

import java.time.Duration;
import java.util.Set;

/**
 * Who may become a client of a server that listens at a path; immutable. The kernel tells who a peer
 * is. The server's own user and root always may.
 *
 * @param users further users, by number
 * @param groups members of these groups, by number: their first group or any other
 * @param maxClientsPerUser connections of one user at a time, root and the server's own user included
 * @param greeting how long a connection may stay without a word
 */
public record Admission(
    Set<Integer> users, Set<Integer> groups, int maxClientsPerUser, Duration greeting) {
  private static final Duration GREETING = Duration.ofSeconds(10);

  /** The server's own user and root, as many as the server takes. */
  public static final Admission OWN_USER =
      new Admission(Set.of(), Set.of(), Integer.MAX_VALUE, GREETING);

  /** Refuses limits that would let nobody in. */
  public Admission {
    if (maxClientsPerUser < 1) {
      throw new IllegalArgumentException(
          "maxClientsPerUser is " + maxClientsPerUser + ", below 1");
    }
    if (!greeting.isPositive()) {
      throw new IllegalArgumentException("nobody can say a word within " + greeting);
    }
    users = Set.copyOf(users);
    groups = Set.copyOf(groups);
  }

  /**
   * Whether others than the server's own user and root may come, so that the socket must be within
   * their reach.
   *
   * @return true if a user or group is named
   */
  public boolean admitsOthers() {
    return !users.isEmpty() || !groups.isEmpty();
  }
}
