package io.tensorbridge.benches.peer;

import io.tensorbridge.arrow.flight.FlightOptions;
import io.tensorbridge.arrow.flight.TensorFlightServer;
import io.tensorbridge.op.OpRegistry;
import java.io.IOException;

/** Our Flight server in the same surroundings as {@link FlightStoreServer}. */
public final class TensorbridgeFlightServer {
  private static final long MAX_BYTES = 4L << 30;

  private TensorbridgeFlightServer() {}

  /**
   * Serves on a free port of the loopback interface until the standard input ends; prints the port
   * when it listens.
   *
   * @param arguments none
   * @throws IOException if the standard input can't be read
   */
  public static void main(String[] arguments) throws IOException {
    FlightOptions options = FlightOptions.of(
        "grpc://127.0.0.1:0", MAX_BYTES, Runtime.getRuntime().availableProcessors());
    try (TensorFlightServer server =
        TensorFlightServer.start(options, OpRegistry.ofServices())) {
      System.out.println(server.port());
      while (System.in.read() >= 0) {
        // whoever started this says nothing; it only ends
      }
    }
  }
}
