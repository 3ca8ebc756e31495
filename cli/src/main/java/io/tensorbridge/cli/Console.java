package io.tensorbridge.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/**
 * Where a command prints.
 *
 * @param out results
 * @param err messages and progress
 */
record Console(PrintWriter out, PrintWriter err) {
  static Console ofProcess() {
    return new Console(utf8(System.out), utf8(System.err));
  }

  private static PrintWriter utf8(PrintStream stream) {
    return new PrintWriter(stream, true, StandardCharsets.UTF_8);
  }
}
