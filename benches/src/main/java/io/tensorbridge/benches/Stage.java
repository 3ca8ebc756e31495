package io.tensorbridge.benches;

import java.io.IOException;
import java.io.PrintStream;
import joptsimple.OptionParser;
import joptsimple.OptionSet;

/**
 * A stage as the command line starts it. An implementation keeps the specifications of its options in
 * fields and adds a line to {@link Main}.
 */
public interface Stage {
  /**
   * What it does.
   *
   * @return one sentence for people
   */
  String description();

  /**
   * What it takes behind its name.
   *
   * @return for example {@code SAMPLES.json... --store DIR}
   */
  String usage();

  /**
   * The options that it understands.
   *
   * @return a parser that no other stage shares
   */
  OptionParser options();

  /**
   * Does the work.
   *
   * @param given what {@link #options()} read
   * @param out where results for people go
   * @return the exit code: 0 done, 1 the answer is no
   * @throws UsageException if an argument is not acceptable; exit code 2
   * @throws IOException if a file can't be read, written or understood; exit code 1
   */
  int run(OptionSet given, PrintStream out) throws IOException;
}
