package io.tensorbridge.arrow.flight;

import io.netty.buffer.ByteBuf;
import java.util.List;
import org.apache.arrow.flight.impl.Flight;
import org.jspecify.annotations.Nullable;

/** A {@code FlightData} whose body is not in the Java heap. */
sealed interface FlightMessage {
  /** Nothing, as a header or metadata. */
  byte[] NONE = {};

  /**
   * One that came.
   *
   * @param descriptor of the first message
   * @param header the metadata of an Arrow message, or nothing
   * @param metadata of the application
   * @param body must be closed
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody changes them
  record Incoming(
      Flight.@Nullable FlightDescriptor descriptor,
      byte[] header,
      byte[] metadata,
      FlightBody body) implements FlightMessage, AutoCloseable {
    @Override
    public void close() {
      body.close();
    }
  }

  /**
   * One that can't be read.
   *
   * @param problem what is wrong with it
   */
  record Broken(String problem) implements FlightMessage {}

  /**
   * One to send.
   *
   * @param header the metadata of an Arrow message
   * @param metadata of the application
   * @param body the pieces of it; taken over by who writes them
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody changes them
  record Outgoing(byte[] header, byte[] metadata, List<ByteBuf> body) implements FlightMessage {}
}
