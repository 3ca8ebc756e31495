package io.tensorbridge.arrow.flight;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelOption;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.WorkerPool;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.arrow.flight.AsyncPutListener;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the channels of a server allocate: buffers to read into, and every copy of what is sent. */
@SuppressWarnings("try") // an interruption of a close ends the test
class FlightCopiesTest {
  private static final int BATCHES = 8;
  private static final int ROWS = 1 << 18;
  private static final long TABLE_BYTES = (long) BATCHES * ROWS * Double.BYTES;

  private final CountingAllocator channels = new CountingAllocator();
  private final SlabPool pool = new SlabPool(8 * TABLE_BYTES);
  private final TableStore tables = new TableStore(pool);
  private final WorkerPool workers = new WorkerPool(1, "flight-copies-worker");
  private Server server;
  private RootAllocator allocator;
  private FlightClient client;

  /** Counts what it gives out; Netty copies into it only if it is pooled, as gRPC's own is. */
  private static final class CountingAllocator extends AbstractByteBufAllocator {
    private final AtomicLong bytes = new AtomicLong();

    CountingAllocator() {
      super(true);
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
      bytes.addAndGet(initialCapacity);
      return UnpooledByteBufAllocator.DEFAULT.heapBuffer(initialCapacity, maxCapacity);
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
      bytes.addAndGet(initialCapacity);
      return UnpooledByteBufAllocator.DEFAULT.directBuffer(initialCapacity, maxCapacity);
    }

    @Override
    public boolean isDirectBufferPooled() {
      return true;
    }
  }

  @BeforeEach
  void start() throws Exception {
    FlightService service =
        new FlightService(tables, pool, new OpRegistry(List.of()), workers, List::of);
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .withChildOption(ChannelOption.ALLOCATOR, channels)
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .addService(service.define())
            .build().start();
    allocator = new RootAllocator();
    client = FlightClient.builder(
        allocator, Location.forGrpcInsecure("127.0.0.1", server.getPort())).build();
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    allocator.close();
    server.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    tables.close();
    pool.close();
    workers.close();
  }

  @Test
  void aTableIsSentWithoutACopy() throws Exception {
    put();
    long before = channels.bytes.get();
    assertThat(before).as("the table came through this allocator").isGreaterThan(TABLE_BYTES);
    assertThat(get()).isEqualTo((double) BATCHES * ROWS);
    assertThat(channels.bytes.get() - before).isLessThan(TABLE_BYTES / 10);
  }

  private void put() throws Exception {
    Schema schema = new Schema(List.of(new Field("x",
        FieldType.notNullable(new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE)), null)));
    try (VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator)) {
      Float8Vector column = (Float8Vector) root.getVector(0);
      column.allocateNew(ROWS);
      for (int row = 0; row < ROWS; row++) {
        column.set(row, 1);
      }
      root.setRowCount(ROWS);
      AsyncPutListener answers = new AsyncPutListener();
      FlightClient.ClientStreamListener stream =
          client.startPut(FlightDescriptor.path("ones"), root, answers);
      for (int batch = 0; batch < BATCHES; batch++) {
        stream.putNext();
      }
      stream.completed();
      stream.getResult();
    }
  }

  private double get() throws Exception {
    double sum = 0;
    try (FlightStream stream =
        client.getStream(new Ticket("ones".getBytes(StandardCharsets.UTF_8)))) {
      while (stream.next()) {
        Float8Vector column = (Float8Vector) stream.getRoot().getVector(0);
        for (int row = 0; row < column.getValueCount(); row++) {
          sum += column.get(row);
        }
      }
    }
    return sum;
  }
}
