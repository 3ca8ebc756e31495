package io.tensorbridge.cli;

import io.tensorbridge.arrow.flight.FlightOptions;
import io.tensorbridge.arrow.flight.TensorFlightServer;
import io.tensorbridge.batch.ServerOptions;
import io.tensorbridge.batch.ops.DiagnosticOperations;
import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.TensorOpProvider;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/** The options of {@code serve} that ask for a Flight server, whose classes load only then. */
final class FlightArguments {
  static final String LOCATION = "--flight";
  private static final String TOKEN_FILE = "--flight-token-file";
  private static final String CERTIFICATE = "--flight-cert";
  private static final String KEY = "--flight-key";
  private static final String CLIENT_AUTHORITY = "--flight-client-ca";
  private static final String MAX_BYTES = "--flight-max-bytes";
  private static final String DEFAULT_MAX_BYTES = "4GiB";

  private FlightArguments() {}

  static CommandSyntax addTo(CommandSyntax syntax) {
    return syntax
        .option(Option.value(LOCATION, "URI", "Serve Arrow Flight, too: grpc://HOST:PORT, port 0"
            + " for any free one. Tables by name, and every operation."))
        .option(Option.value(TOKEN_FILE, "FILE", "Flight clients must send the first line of this"
            + " file as bearer token."))
        .option(Option.value(CERTIFICATE, "FILE", "Encrypt Flight: certificates in PEM."))
        .option(Option.value(KEY, "FILE", "The private key of " + CERTIFICATE
            + ", PKCS #8 in PEM."))
        .option(Option.value(CLIENT_AUTHORITY, "FILE", "Flight clients must have a certificate that"
            + " one of these has signed."))
        .option(Option.value(MAX_BYTES, "SIZE", "Memory of all Flight tables and batches; default "
            + DEFAULT_MAX_BYTES + "."));
  }

  /** The server that is asked for, if one is. */
  static Optional<TensorFlightServer> start(
      Arguments arguments, ServerOptions shared, Optional<Path> socket) {
    Optional<String> location = arguments.value(LOCATION);
    if (location.isEmpty()) {
      requireNone(arguments, TOKEN_FILE, CERTIFICATE, KEY, CLIENT_AUTHORITY, MAX_BYTES);
      return Optional.empty();
    }
    FlightOptions options = FlightOptions.secured(
        location.get(),
        arguments.byteSize(MAX_BYTES, DEFAULT_MAX_BYTES),
        shared.threads(),
        arguments.pathValue(TOKEN_FILE),
        arguments.pathValue(CERTIFICATE),
        arguments.pathValue(KEY),
        arguments.pathValue(CLIENT_AUTHORITY));
    FlightOptions told = socket.map(options::withSocket).orElse(options);
    return Optional.of(TensorFlightServer.start(told, operations(shared)));
  }

  private static void requireNone(Arguments arguments, String... names) {
    for (String name : names) {
      if (arguments.value(name).isPresent()) {
        throw new UsageException(name + " needs " + LOCATION + " URI");
      }
    }
  }

  private static OpRegistry operations(ServerOptions options) {
    List<TensorOpProvider> providers = new ArrayList<>();
    ServiceLoader.load(TensorOpProvider.class).forEach(providers::add);
    if (options.diagnostics()) {
      providers.addAll(DiagnosticOperations.providers());
    }
    return new OpRegistry(providers);
  }
}
