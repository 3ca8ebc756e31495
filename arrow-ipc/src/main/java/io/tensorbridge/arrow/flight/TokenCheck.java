package io.tensorbridge.arrow.flight;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.OptionException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;

/** Refuses calls without the header {@code authorization: Bearer TOKEN}. */
final class TokenCheck implements ServerInterceptor {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final byte[] expected;

  private TokenCheck(byte[] expected) {
    this.expected = expected;
  }

  /**
   * A check against the first line of a file.
   *
   * @throws FormatException if it can't be read
   * @throws OptionException if it holds no token
   */
  static TokenCheck of(Path file) {
    String token;
    try {
      token = Files.readString(file).lines().findFirst().orElse("").strip();
    } catch (IOException failure) {
      throw new FormatException(
          ErrorCode.FILE_IO, "can't read the token " + file + ": " + failure, -1, "", failure);
    }
    if (token.isEmpty()) {
      throw new OptionException(ErrorCode.BAD_OPTION, "flight-token-file",
          "the first line of " + file + " holds no token");
    }
    return new TokenCheck(("Bearer " + token).getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public <Q, S> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, S> call, Metadata headers, ServerCallHandler<Q, S> next) {
    String given = headers.get(AUTHORIZATION);
    if (given != null
        && MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), expected)) {
      return next.startCall(call, headers);
    }
    call.close(Status.UNAUTHENTICATED.withDescription(given == null
        ? "the call carries no token; send the header authorization: Bearer TOKEN"
        : "the token is not that of this server"), new Metadata());
    return new ServerCall.Listener<>() {};
  }
}
