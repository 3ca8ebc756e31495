package io.tensorbridge.arrow.flight;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.OptionException;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.QuotaException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.ServerDiedException;
import io.tensorbridge.TensorException;

/** The status of gRPC that tells a failure. */
final class FlightErrors {
  private FlightErrors() {}

  static StatusRuntimeException of(Throwable failure) {
    return switch (failure) {
      case StatusRuntimeException told -> told;
      case BridgeException known ->
          status(known).withDescription(known.code() + ": " + known.getMessage())
              .withCause(known).asRuntimeException();
      default ->
          Status.INTERNAL.withDescription("a defect of the server: " + failure).withCause(failure)
              .asRuntimeException();
    };
  }

  static StatusRuntimeException invalid(String what) {
    return Status.INVALID_ARGUMENT.withDescription(what).asRuntimeException();
  }

  private static Status status(BridgeException failure) {
    return switch (failure) {
      case OptionException option ->
          option.code() == ErrorCode.UNKNOWN_OPERATION ? Status.NOT_FOUND : Status.INVALID_ARGUMENT;
      case QuotaException _ -> Status.RESOURCE_EXHAUSTED;
      case ProtocolException _,FormatException _,TensorException _ -> Status.INVALID_ARGUMENT;
      case CancelledException _ -> Status.CANCELLED;
      case BridgeTimeoutException _ -> Status.DEADLINE_EXCEEDED;
      case BridgeClosedException _,ServerDiedException _ -> Status.UNAVAILABLE;
      case ResourceException resource ->
          resource.code() == ErrorCode.OUT_OF_MEMORY ? Status.RESOURCE_EXHAUSTED : Status.INTERNAL;
    };
  }
}
