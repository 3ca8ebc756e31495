package io.tensorbridge.arrow.flight;

import io.grpc.stub.StreamObserver;
import java.io.IOException;

/** The messages of one client; gRPC calls it from one thread at a time. */
abstract class MessageReceiver implements StreamObserver<FlightMessage> {
  /** Whether the call has failed or ended, so that what still comes is dropped. */
  abstract boolean isOver();

  /** Takes a message, which is released afterwards. */
  abstract void take(FlightMessage.Incoming message) throws IOException;

  /** Ends the call; later failures of it change nothing. */
  abstract void fail(Throwable failure);

  /** A message was taken or dropped: asks for the next one, now or later. */
  abstract void askForMore();

  @Override
  public final void onNext(FlightMessage message) {
    switch (message) {
      case FlightMessage.Incoming incoming -> {
        try (incoming) {
          if (!isOver()) {
            take(incoming);
          }
        } catch (RuntimeException | IOException failure) {
          fail(failure);
        }
      }
      case FlightMessage.Broken(String problem) -> fail(FlightErrors.invalid(problem));
      case FlightMessage.Outgoing _ -> throw new IllegalStateException("our own message came");
    }
    askForMore();
  }
}
