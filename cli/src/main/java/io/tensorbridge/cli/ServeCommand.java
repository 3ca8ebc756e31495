package io.tensorbridge.cli;

import io.tensorbridge.arrow.flight.TensorFlightServer;
import io.tensorbridge.batch.Admission;
import io.tensorbridge.batch.BatchServer;
import io.tensorbridge.batch.ServerOptions;
import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.shm.LocalSocket;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/** Serves batches to other processes. */
final class ServeCommand implements Command {
  private static final String SOCKET = "--socket";
  private static final String LEGACY_SOCKET = "--legacy-socket";
  private static final String INHERIT_FD = "--inherit-fd";
  private static final String MAX_CLIENTS = "--max-clients";
  private static final String MAX_BYTES = "--max-bytes";
  private static final String THREADS = "--threads";
  private static final String MAX_THREADS = "--max-threads-per-client";
  private static final String ALLOW_USER = "--allow-user";
  private static final String ALLOW_GROUP = "--allow-group";
  private static final String MAX_CLIENTS_PER_USER = "--max-clients-per-user";
  private static final String DIAGNOSTICS = "--diagnostics";
  private static final int FIRST_INHERITED_FD = 3;

  @Override
  public CommandSyntax syntax() {
    ServerOptions defaults = ServerOptions.defaults();
    CommandSyntax syntax = CommandSyntax.of(
        "serve",
        "Serve batches to other processes of this machine, and Arrow Flight to any.",
        "Serves batches of tensor operations to other processes of this user, over shared"
            + " memory, until it is interrupted. Python joins it by"
            + " tb.open(\"unix:PATH\").")
        .option(Option.value(SOCKET, "PATH", "Where to listen; the directory is made for this"
            + " user only. Required without " + FlightArguments.LOCATION + "."))
        .option(Option.value(MAX_CLIENTS, "N", "Connections at a time; default "
            + defaults.maxClients() + "."))
        .option(Option.value(MAX_BYTES, "SIZE", "Shared memory of one client; default "
            + ByteSize.text(defaults.maxBytesPerClient()) + "."))
        .option(Option.value(THREADS, "N", "Threads that work for all clients; by default the"
            + " processors of this process."))
        .option(Option.value(MAX_THREADS, "N", "How many of them work for one client at once; all"
            + " by default."))
        .option(Option.value(ALLOW_USER, "NAME|UID", "Take clients of this user, too, beside those"
            + " of one's own and root; can be given several times. The socket is then open to all,"
            + " and others are refused by what the kernel tells of them."))
        .option(Option.value(ALLOW_GROUP, "NAME|GID", "Take clients of members of this group, too;"
            + " can be given several times."))
        .option(Option.value(MAX_CLIENTS_PER_USER, "N", "Connections of one user at a time; by"
            + " default as many as there may be."))
        .option(Option.flag(DIAGNOSTICS, "Offer operations that only serve tests, too."))
        .option(Option.value(LEGACY_SOCKET, "PATH", "Also take one call a layer, elements as bytes"
            + " through a stream socket, to be measured against."))
        .option(Option.value(INHERIT_FD, "N", ""));
    return WatchArguments.addTo(FlightArguments.addTo(syntax))
        .example("tensorbridge serve --socket $XDG_RUNTIME_DIR/tensorbridge/tb.sock")
        .example("tensorbridge serve --socket /run/user/1000/tb/tb.sock --max-bytes 8GiB")
        .example("tensorbridge serve --socket /run/user/1000/tb/tb.sock --metrics 9464"
            + " --log-format json")
        .example("tensorbridge serve --flight grpc://127.0.0.1:31337");
  }

  @Override
  public int run(Arguments arguments, Console console) {
    ServerOptions options =
        serverOptions(arguments).toBuilder().log(WatchArguments.log(arguments, console)).build();
    boolean metrics = WatchArguments.metrics(arguments).isPresent();
    Optional<Path> socket = arguments.pathValue(SOCKET);
    int inherited = arguments.number(INHERIT_FD, FIRST_INHERITED_FD, -1);
    if (inherited >= 0) {
      if (metrics || socket.isPresent() || arguments.value(FlightArguments.LOCATION).isPresent()) {
        throw new UsageException(INHERIT_FD + " excludes other ways to listen");
      }
      try (BatchServer server =
          BatchServer.serve(LocalSocket.ofInherited(inherited), options)) {
        ParentWatch.start(server::close);
        awaitEnd(server);
      }
    } else if (socket.isPresent()) {
      try (BatchServer server = BatchServer.listen(socket.get(), options);
          WatchArguments.Metrics _ =
              WatchArguments.Metrics.listen(arguments, server::observe, console);
          Legacy _ = Legacy.listen(arguments.pathValue(LEGACY_SOCKET));
          Flight _ = Flight.listen(arguments, options, socket, console)) {
        console.err().println("tensorbridge serve: listening on " + socket.get());
        awaitEnd(server);
      }
    } else if (metrics) {
      throw new UsageException(WatchArguments.METRICS + " needs " + SOCKET + " PATH");
    } else {
      serveFlight(arguments, options, console);
    }
    return ExitCode.DONE;
  }

  private static void serveFlight(
      Arguments arguments, ServerOptions options, Console console) {
    if (arguments.value(FlightArguments.LOCATION).isEmpty()) {
      throw new UsageException(
          "missing " + SOCKET + " PATH or " + FlightArguments.LOCATION + " URI");
    }
    CountDownLatch asked = new CountDownLatch(1);
    try (Interruption _ = new Interruption(asked::countDown);
        Flight _ = Flight.listen(arguments, options, Optional.empty(), console)) {
      asked.await();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The Flight server, if it is asked for. */
  private record Flight(Optional<TensorFlightServer> server) implements AutoCloseable {
    static Flight listen(Arguments arguments, ServerOptions options, Optional<Path> socket,
        Console console) {
      Optional<TensorFlightServer> server = FlightArguments.start(arguments, options, socket);
      server.ifPresent(flight -> console.err()
          .println("tensorbridge serve: Flight at " + flight.location()));
      return new Flight(server);
    }

    @Override
    public void close() {
      server.ifPresent(TensorFlightServer::close);
    }
  }

  /** The legacy endpoint, if it is asked for. */
  private record Legacy(Optional<LegacyEndpoint> endpoint) implements AutoCloseable {
    static Legacy listen(Optional<Path> path) {
      return new Legacy(path.map(LegacyEndpoint::listen));
    }

    @Override
    public void close() {
      endpoint.ifPresent(LegacyEndpoint::close);
    }
  }

  private static Admission admission(Arguments arguments) {
    Admission own = Admission.OWN_USER;
    return new Admission(
        Accounts.numbers(ALLOW_USER, "passwd", arguments.values(ALLOW_USER)),
        Accounts.numbers(ALLOW_GROUP, "group", arguments.values(ALLOW_GROUP)),
        arguments.number(MAX_CLIENTS_PER_USER, 1, own.maxClientsPerUser()),
        own.greeting());
  }

  private static ServerOptions serverOptions(Arguments arguments) {
    ServerOptions defaults = ServerOptions.defaults();
    long maxBytes =
        arguments.byteSize(MAX_BYTES, Long.toString(defaults.maxBytesPerClient()));
    if (maxBytes < 1) {
      throw new UsageException(MAX_BYTES + " must be at least 1 byte");
    }
    return defaults.toBuilder()
        .maxClients(arguments.number(MAX_CLIENTS, 1, defaults.maxClients()))
        .maxBytesPerClient(maxBytes)
        .threads(arguments.number(THREADS, 1, defaults.threads()))
        .maxThreadsPerClient(arguments.number(MAX_THREADS, 1, defaults.maxThreadsPerClient()))
        .admission(admission(arguments))
        .diagnostics(arguments.flag(DIAGNOSTICS))
        .build();
  }

  private static void awaitEnd(BatchServer server) {
    try (Interruption _ = new Interruption(server::close)) {
      server.awaitEnd();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
