package io.tensorbridge.benches.peer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.arrow.flight.CallStatus;
import org.apache.arrow.flight.FlightServer;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.NoOpFlightProducer;
import org.apache.arrow.flight.PutResult;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorLoader;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.VectorUnloader;
import org.apache.arrow.vector.ipc.message.ArrowRecordBatch;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Arrow Java's Flight server as its documentation writes one: keeps the record batches of {@code
 * DoPut} by name, and sends them by {@code DoGet}, all at once and without copying them into gRPC's buffers.
 */
public final class FlightStoreServer extends NoOpFlightProducer {
  private final BufferAllocator allocator;
  private final Map<String, Stored> tables = new ConcurrentHashMap<>();

  /** A table. */
  private record Stored(Schema schema, List<ArrowRecordBatch> batches) implements AutoCloseable {
    @Override
    public void close() {
      batches.forEach(ArrowRecordBatch::close);
    }
  }

  private FlightStoreServer(BufferAllocator allocator) {
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
    try (BufferAllocator allocator = new RootAllocator()) {
      FlightStoreServer store = new FlightStoreServer(allocator);
      try (FlightServer server = FlightServer.builder(allocator, free, store).build().start()) {
        System.out.println(server.getPort());
        while (System.in.read() >= 0) {
          // whoever started this says nothing; it only ends
        }
      }
      store.tables.values().forEach(Stored::close);
    }
  }

  @Override
  public Runnable acceptPut(
      CallContext context, FlightStream stream, StreamListener<PutResult> answers) {
    return () -> {
      List<ArrowRecordBatch> batches = new ArrayList<>();
      while (stream.next()) {
        batches.add(new VectorUnloader(stream.getRoot()).getRecordBatch());
      }
      String name = String.join("/", stream.getDescriptor().getPath());
      Stored older = tables.put(name, new Stored(stream.getSchema(), batches));
      if (older != null) {
        older.close();
      }
      answers.onCompleted();
    };
  }

  @Override
  public void getStream(CallContext context, Ticket ticket, ServerStreamListener client) {
    Stored table = tables.get(new String(ticket.getBytes(), StandardCharsets.UTF_8));
    if (table == null) {
      client.error(CallStatus.NOT_FOUND.toRuntimeException());
      return;
    }
    try (VectorSchemaRoot root = VectorSchemaRoot.create(table.schema, allocator)) {
      client.setUseZeroCopy(true);
      client.start(root);
      VectorLoader loader = new VectorLoader(root);
      for (ArrowRecordBatch batch : table.batches) {
        loader.load(batch);
        client.putNext();
      }
      client.completed();
    }
  }
}
