package io.tensorbridge.batch;

import jdk.jfr.FlightRecorder;
import jdk.jfr.FlightRecorderListener;

/**
 * Whether the flight recorder wants events of a server; thread-safe.
 *
 * <p>Until a recording begins, the classes of the events are not even loaded: each costs a start
 * time that no archive saves, since the JVM keeps events out of it. The flag is what a batch pays.
 */
final class ServerEvents implements AutoCloseable {
  private final FlightRecorderListener listener =
      new FlightRecorderListener() {
        @Override
        public void recorderInitialized(FlightRecorder recorder) {
          recorderExists = true;
        }
      };
  private final boolean available = ModuleLayer.boot().findModule("jdk.jfr").isPresent();
  private volatile boolean recorderExists;

  /** Events from now on, if the JVM has a flight recorder. */
  ServerEvents() {
    if (available) {
      FlightRecorder.addListener(listener);
    }
  }

  /** Whether {@link BatchEvent}s or {@link ItemEvent}s are wanted. */
  boolean wantsBatches() {
    return recorderExists && (BatchEvent.isWanted() || ItemEvent.isWanted());
  }

  void connected(ClientWatch client) {
    if (recorderExists) {
      ClientEvent.commit(client, "connected", "");
    }
  }

  void left(ClientWatch client, String reason) {
    if (recorderExists) {
      ClientEvent.commit(client, "left", reason);
    }
  }

  void registered(ClientWatch client, int region, long bytes, String access) {
    if (recorderExists) {
      RegionEvent.commit(client.id(), region, "registered", bytes, access);
    }
  }

  void released(ClientWatch client, int region, long bytes, String access) {
    if (recorderExists) {
      RegionEvent.commit(client.id(), region, "released", bytes, access);
    }
  }

  @Override
  public void close() {
    if (available) {
      FlightRecorder.removeListener(listener);
    }
  }
}
