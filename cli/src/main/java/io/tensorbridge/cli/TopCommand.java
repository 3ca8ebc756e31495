package io.tensorbridge.cli;

import io.tensorbridge.batch.ServerView;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.cli.CommandSyntax.Option;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Shows who uses a server, how much, and how fast. */
final class TopCommand implements Command {
  private static final String ONCE = "--once";
  private static final String JSON = "--json";
  private static final String INTERVAL = "--interval";
  private static final double DEFAULT_SECONDS = 1;
  private static final double LEAST_SECONDS = 0.05;
  /** Cursor home, and clear what follows: no flicker, unlike clearing first. */
  private static final String HOME = "\u001b[H";
  private static final String CLEAR_BELOW = "\u001b[J";
  private static final String CLEAR = "\u001b[2J";

  @Override
  public CommandSyntax syntax() {
    return CommandSyntax.of(
        "top",
        "Show the clients of a server, live.",
        "Shows who uses a server that \"tensorbridge serve\" runs: the memory that clients share,"
            + " their batches, bytes and times in each interval, and what failed last. The"
            + " server's user and root see all clients, others their own. Interrupt it to end.")
        .positional("SOCKET", "Where the server listens.")
        .option(Option.value(INTERVAL, "SECONDS", "Time between two looks; default 1."))
        .option(Option.flag(ONCE, "Look at one interval and end."))
        .option(Option.flag(JSON, "Print one JSON document on standard output, and end: what the"
            + " server tells, and rates over one interval."))
        .example("tensorbridge top $XDG_RUNTIME_DIR/tensorbridge/tb.sock")
        .example("tensorbridge top --once --interval 5 /run/user/1000/tb/tb.sock");
  }

  @Override
  public int run(Arguments arguments, Console console) {
    Path socket = socket(arguments.text(0));
    double seconds = arguments.decimal(INTERVAL).orElse(DEFAULT_SECONDS);
    if (!(seconds >= LEAST_SECONDS && seconds <= TimeUnit.DAYS.toSeconds(1))) {
      throw new UsageException(INTERVAL + " is " + seconds + "; it takes 0.05 to 86400 seconds");
    }
    boolean json = arguments.flag(JSON);
    boolean once = json || arguments.flag(ONCE);
    CountDownLatch asked = new CountDownLatch(1);
    try (Interruption _ = new Interruption(asked::countDown)) {
      watch(socket, Math.round(seconds * 1e9), once, json, asked, console);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    return ExitCode.DONE;
  }

  private static Path socket(String text) {
    return Path.of(text.startsWith("unix:") ? text.substring("unix:".length()) : text);
  }

  private static void watch(
      Path socket, long nanos, boolean once, boolean json, CountDownLatch end, Console console)
      throws InterruptedException {
    boolean redraws = !once && Terminal.redraws();
    Observation before = ServerView.of(socket);
    if (redraws) {
      console.out().print(CLEAR);
    }
    while (!end.await(nanos, TimeUnit.NANOSECONDS)) {
      Observation now = ServerView.of(socket);
      ServerRates rates = new ServerRates(before, now);
      if (json) {
        JsonDocument.print(console.out(), document -> ServerDocument.write(document, rates));
      } else {
        console.out().print(redraws ? HOME : "");
        ServerTable.print(rates, console.out(), redraws);
        console.out().print(redraws ? CLEAR_BELOW : "");
        console.out().flush();
      }
      if (once) {
        return;
      }
      before = now;
    }
  }
}
