package io.tensorbridge.benches.peer;

import java.io.IOException;
import java.util.stream.LongStream;
import org.apache.arrow.flight.FlightServer;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.NoOpFlightProducer;
import org.apache.arrow.flight.PutResult;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float4Vector;

/**
 * An Arrow Flight server that takes float32 columns by {@code DoPut} and answers at the end with first
 * and last element of each record batch, as metadata of 8 bytes for each, little-endian.
 */
public final class FlightTouchServer extends NoOpFlightProducer {
  private final BufferAllocator allocator;

  private FlightTouchServer(BufferAllocator allocator) {
    this.allocator = allocator;
  }

  /**
   * Serves on a free port of the loopback interface until the standard input ends; prints the port
   * when it listens.
   *
   * @param arguments none
   * @throws IOException if it can't listen
   * @throws InterruptedException if it is interrupted while it stops
   */
  @SuppressWarnings("try") // an interruption while it stops ends the process, too
  public static void main(String[] arguments) throws IOException, InterruptedException {
    Location free = Location.forGrpcInsecure("127.0.0.1", 0);
    try (BufferAllocator allocator = new RootAllocator();
        FlightServer server =
            FlightServer.builder(allocator, free, new FlightTouchServer(allocator))
                .build()
                .start()) {
      System.out.println(server.getPort());
      while (System.in.read() >= 0) {
        // whoever started this says nothing; it only ends
      }
    }
  }

  @Override
  public Runnable acceptPut(
      CallContext context, FlightStream stream, StreamListener<PutResult> answers) {
    return () -> {
      try {
        LongStream.Builder ends = LongStream.builder();
        while (stream.next()) {
          Float4Vector column = (Float4Vector) stream.getRoot().getVector(0);
          ends.add(Touch.packed(column.get(0), column.get(column.getValueCount() - 1)));
        }
        answer(ends.build().toArray(), answers);
        answers.onCompleted();
      } catch (RuntimeException failure) {
        answers.onError(failure);
      }
    };
  }

  private void answer(long[] ends, StreamListener<PutResult> answers) {
    ArrowBuf buffer = allocator.buffer((long) Long.BYTES * ends.length);
    for (long pair : ends) {
      buffer.writeLong(pair);
    }
    // The result owns the buffer.
    try (PutResult result = PutResult.metadata(buffer)) {
      answers.onNext(result);
    }
  }
}
