package io.tensorbridge.cli;

import io.tensorbridge.batch.LogSink;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.cli.CommandSyntax.Option;
import java.lang.System.Logger.Level;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/** The options of {@code serve} by which one keeps an eye on it. */
final class WatchArguments {
  static final String METRICS = "--metrics";
  static final String LOG_FORMAT = "--log-format";
  static final String LOG_LEVEL = "--log-level";

  private static final List<Level> LEVELS =
      List.of(Level.DEBUG, Level.INFO, Level.WARNING, Level.ERROR, Level.OFF);
  private static final int MAX_PORT = 65_535;

  private WatchArguments() {}

  static CommandSyntax addTo(CommandSyntax syntax) {
    return syntax
        .option(Option.value(METRICS, "[HOST:]PORT", "Also tell Prometheus what the server does, at"
            + " http://HOST:PORT/metrics; this machine alone reaches it where no host is named."
            + " Port 0 takes a free one."))
        .option(Option.value(LOG_FORMAT, "FORMAT", "text (the default), or json: an object a"
            + " line."))
        .option(Option.value(LOG_LEVEL, "LEVEL", "debug, info (the default), warning, error or"
            + " off."));
  }

  /** The log that is asked for. */
  static LogSink log(Arguments arguments, Console console) {
    String format = arguments.value(LOG_FORMAT).orElse("text");
    String level = arguments.value(LOG_LEVEL).orElse("info");
    return new LogLines(
        console.err(),
        choice(LOG_FORMAT, format, List.of(LogLines.Format.values())),
        choice(LOG_LEVEL, level, LEVELS));
  }

  private static <E extends Enum<E>> E choice(String option, String text, List<E> choices) {
    List<String> names =
        choices.stream().map(choice -> choice.name().toLowerCase(Locale.ROOT)).toList();
    int index = names.indexOf(text.toLowerCase(Locale.ROOT));
    if (index < 0) {
      throw new UsageException(
          option + " is \"" + text + "\"; it takes " + String.join(", ", names));
    }
    return choices.get(index);
  }

  /** Where metrics shall be told, if anywhere. */
  static Optional<InetSocketAddress> metrics(Arguments arguments) {
    return arguments.value(METRICS).map(WatchArguments::address);
  }

  private static InetSocketAddress address(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "127.0.0.1" : text.substring(0, colon);
    int port = port(text.substring(colon + 1));
    if (port < 0 || host.isEmpty()) {
      throw new UsageException(
          METRICS + " is \"" + text + "\"; it takes a port, or HOST:PORT");
    }
    String bare =
        host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
    InetSocketAddress address = new InetSocketAddress(bare, port);
    if (address.isUnresolved()) {
      throw new UsageException(METRICS + " names the unknown host \"" + bare + "\"");
    }
    return address;
  }

  private static int port(String text) {
    try {
      int port = Integer.parseInt(text);
      return port <= MAX_PORT ? port : -1;
    } catch (NumberFormatException malformed) {
      return -1;
    }
  }

  /** The endpoint for metrics, if one is asked for; its classes load only then. */
  record Metrics(Optional<MetricsEndpoint> endpoint) implements AutoCloseable {
    static Metrics listen(
        Arguments arguments, Supplier<Observation> server, Console console) {
      Optional<MetricsEndpoint> endpoint =
          metrics(arguments).map(address -> MetricsEndpoint.listen(address, server));
      endpoint.ifPresent(running -> console.err()
          .println("tensorbridge serve: metrics at " + running.location()));
      return new Metrics(endpoint);
    }

    @Override
    public void close() {
      // A reference to the method would load the endpoint's classes, to verify them.
      endpoint.ifPresent(running -> running.close());
    }
  }
}
