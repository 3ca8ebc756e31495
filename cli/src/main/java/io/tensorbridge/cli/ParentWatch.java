package io.tensorbridge.cli;

import java.io.IOException;

/**
 * Notices the end of the process that started this one: standard input, a pipe that it holds, ends
 * with it, however that happens.
 */
final class ParentWatch {
  private ParentWatch() {}

  /** Runs {@code ended} once, in a thread of its own that keeps no process alive. */
  static void start(Runnable ended) {
    Thread.ofPlatform()
        .daemon()
        .name("parent-watch")
        .start(
            () -> {
              awaitEnd();
              ended.run();
            });
  }

  private static void awaitEnd() {
    try {
      while (System.in.read() >= 0) {
        // the parent says nothing; it only ends
      }
    } catch (IOException gone) {
      // the same as its end
    }
  }
}
