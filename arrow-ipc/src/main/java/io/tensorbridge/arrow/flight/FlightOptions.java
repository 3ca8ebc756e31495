package io.tensorbridge.arrow.flight;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a Flight server listens, whom it lets in, and how much it keeps.
 *
 * @param host a name or an address of this machine
 * @param port 0 for any free one
 * @param tokenFile holds the token that each call must carry; nobody is asked for one if empty
 * @param certificate a chain in PEM; calls are encrypted if present
 * @param privateKey of the certificate, PKCS #8 in PEM
 * @param clientAuthority certificates in PEM; a client must have one that these have signed
 * @param maxBytes of all tables, and of batches in work
 * @param socket where the same process serves batches over shared memory, told to clients
 * @param threads that run operations
 */
public record FlightOptions(
    String host,
    int port,
    Optional<Path> tokenFile,
    Optional<Path> certificate,
    Optional<Path> privateKey,
    Optional<Path> clientAuthority,
    long maxBytes,
    Optional<Path> socket,
    int threads) {
  private static final String OPTION = "flight";
  private static final String TLS_SCHEME = "grpc+tls";

  /**
   * Checks what belongs together.
   *
   * @throws OptionException if a file is missing, or the server could be reached by anyone
   */
  public FlightOptions {
    if (certificate.isPresent() != privateKey.isPresent()) {
      throw new OptionException(ErrorCode.BAD_OPTION, "flight-cert",
          "a certificate and its private key (flight-key) are given together");
    }
    if (clientAuthority.isPresent() && certificate.isEmpty()) {
      throw new OptionException(ErrorCode.BAD_OPTION, "flight-client-ca",
          "needs a certificate (flight-cert) and its private key (flight-key)");
    }
    if (!isLoopback(host) && tokenFile.isEmpty() && clientAuthority.isEmpty()) {
      throw new OptionException(ErrorCode.BAD_OPTION, OPTION, "other machines can reach " + host
          + "; give a token (flight-token-file) or an authority of clients (flight-client-ca)");
    }
  }

  /**
   * A server that lets everyone on this machine in.
   *
   * @param location for example {@code grpc://127.0.0.1:0}
   * @param maxBytes of all tables, and of batches in work
   * @param threads that run operations
   * @return options
   * @throws OptionException if it is no location of Flight
   */
  public static FlightOptions of(String location, long maxBytes, int threads) {
    return secured(location, maxBytes, threads, Optional.empty(), Optional.empty(),
        Optional.empty(), Optional.empty());
  }

  /**
   * A server that lets in who shows what it asks for.
   *
   * @param location {@code grpc://HOST:PORT} or {@code grpc+tls://HOST:PORT}
   * @param maxBytes of all tables, and of batches in work
   * @param threads that run operations
   * @param tokenFile as {@link #tokenFile()}
   * @param certificate as {@link #certificate()}
   * @param privateKey as {@link #privateKey()}
   * @param clientAuthority as {@link #clientAuthority()}
   * @return options
   * @throws OptionException if it is no location of Flight, or files are missing
   */
  public static FlightOptions secured(
      String location,
      long maxBytes,
      int threads,
      Optional<Path> tokenFile,
      Optional<Path> certificate,
      Optional<Path> privateKey,
      Optional<Path> clientAuthority) {
    URI uri = parse(location);
    if (TLS_SCHEME.equals(uri.getScheme()) && certificate.isEmpty()) {
      throw new OptionException(ErrorCode.BAD_OPTION, OPTION,
          TLS_SCHEME + " needs a certificate (flight-cert) and its private key (flight-key)");
    }
    return new FlightOptions(uri.getHost(), uri.getPort(), tokenFile, certificate, privateKey,
        clientAuthority, maxBytes, Optional.empty(), threads);
  }

  private static URI parse(String location) {
    try {
      URI uri = new URI(location);
      String scheme = uri.getScheme() == null ? "" : uri.getScheme();
      boolean known =
          scheme.equals("grpc") || scheme.equals("grpc+tcp") || scheme.equals(TLS_SCHEME);
      if (known && uri.getHost() != null && uri.getPort() >= 0) {
        return uri;
      }
    } catch (URISyntaxException malformed) {
      // the refusal below tells the text
    }
    throw new OptionException(ErrorCode.BAD_OPTION, OPTION, "\"" + location
        + "\" is no location; it takes grpc://HOST:PORT, for example grpc://127.0.0.1:0");
  }

  private static boolean isLoopback(String host) {
    return host.equals("localhost") || host.equals("[::1]") || host.startsWith("127.");
  }

  /**
   * These options, with a socket that clients are told of.
   *
   * @param path of the socket
   * @return options
   */
  public FlightOptions withSocket(Path path) {
    return new FlightOptions(host, port, tokenFile, certificate, privateKey, clientAuthority,
        maxBytes, Optional.of(path), threads);
  }
}
