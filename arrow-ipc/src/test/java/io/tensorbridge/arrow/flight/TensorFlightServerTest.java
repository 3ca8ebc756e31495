package io.tensorbridge.arrow.flight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.util.ResourceLeakDetector;
import io.tensorbridge.OptionException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.arrow.flight.Action;
import org.apache.arrow.flight.AsyncPutListener;
import org.apache.arrow.flight.Criteria;
import org.apache.arrow.flight.FlightClient;
import org.apache.arrow.flight.FlightDescriptor;
import org.apache.arrow.flight.FlightInfo;
import org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.flight.FlightStatusCode;
import org.apache.arrow.flight.FlightStream;
import org.apache.arrow.flight.Location;
import org.apache.arrow.flight.Ticket;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.LargeVarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Arrow Java's client against the server; in the end nothing is left mapped or allocated. */
@SuppressWarnings("try") // an interruption of a close ends the test
class TensorFlightServerTest {
  private static final long QUOTA = 16 << 20;
  private static ResourceLeakDetector.Level levelBefore;

  private final ScaleOp operation = new ScaleOp();
  private long mappedBefore;
  private RootAllocator allocator;
  private TensorFlightServer server;
  private FlightClient client;

  @TempDir
  private Path folder;

  @BeforeAll
  static void beParanoid() {
    levelBefore = ResourceLeakDetector.getLevel();
    ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
  }

  @AfterAll
  static void beAsBefore() {
    ResourceLeakDetector.setLevel(levelBefore);
  }

  @BeforeEach
  void start() throws Exception {
    mappedBefore = SharedRegion.mappedBytes();
    allocator = new RootAllocator();
    server = TensorFlightServer.start(
        FlightOptions.of("grpc://127.0.0.1:0", QUOTA, 2)
            .withSocket(folder.resolve("tb.sock")),
        new OpRegistry(List.of(operation)));
    client = FlightClient.builder(allocator, new Location(server.location())).build();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    client.close();
    server.close();
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mappedBefore);
  }

  private static Schema floats() {
    return new Schema(List.of(new Field("w",
        FieldType.notNullable(new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE)), null)));
  }

  private void put(String name, int batches, int rows) throws Exception {
    try (VectorSchemaRoot root = VectorSchemaRoot.create(floats(), allocator)) {
      AsyncPutListener answers = new AsyncPutListener();
      FlightClient.ClientStreamListener stream =
          client.startPut(FlightDescriptor.path(name), root, answers);
      for (int batch = 0; batch < batches; batch++) {
        fill(root, batch, rows);
        stream.putNext();
      }
      stream.completed();
      stream.getResult();
    }
  }

  private static void fill(VectorSchemaRoot root, int batch, int rows) {
    Float4Vector column = (Float4Vector) root.getVector(0);
    column.allocateNew(rows);
    for (int row = 0; row < rows; row++) {
      column.set(row, batch * 1000f + row);
    }
    root.setRowCount(rows);
  }

  private List<Float> get(String name) throws Exception {
    List<Float> values = new ArrayList<>();
    try (FlightStream stream = client.getStream(ticket(name))) {
      while (stream.next()) {
        Float4Vector column = (Float4Vector) stream.getRoot().getVector(0);
        for (int row = 0; row < column.getValueCount(); row++) {
          values.add(column.get(row));
        }
      }
    }
    return values;
  }

  private static Ticket ticket(String name) {
    return new Ticket(name.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void aTableComesBackAsItWasPut() throws Exception {
    put("layers/a", 3, 5);
    assertThat(get("layers/a")).hasSize(15).startsWith(0f, 1f).endsWith(2003f, 2004f);
    put("empty", 0, 0);
    assertThat(get("empty")).isEmpty();
    put("layers/a", 1, 2);
    assertThat(get("layers/a")).containsExactly(0f, 1f);
  }

  @Test
  void infosTellRowsBytesAndWhereTheTableIs() throws Exception {
    put("a", 3, 5);
    put("b", 1, 1);
    FlightInfo info = client.getInfo(FlightDescriptor.path("a"));
    assertThat(info.getSchemaOptional()).contains(floats());
    assertThat(info.getRecords()).isEqualTo(15);
    assertThat(info.getBytes()).isPositive();
    assertThat(info.getEndpoints().getFirst().getLocations())
        .extracting(Location::getUri).extracting(Object::toString)
        .containsExactly(server.location(), "unix:" + folder.resolve("tb.sock"));
    assertThat(new String(info.getEndpoints().getFirst().getAppMetadata(), StandardCharsets.UTF_8))
        .startsWith("{\"pieces\":[{\"path\":\"/proc/");
    assertThat(client.listFlights(Criteria.ALL))
        .extracting(found -> found.getDescriptor().getPath().getFirst())
        .containsExactly("a", "b");
    assertThat(client.listFlights(new Criteria("b".getBytes(StandardCharsets.UTF_8)))).hasSize(1);
    assertThat(client.getSchema(FlightDescriptor.path("b")).getSchema()).isEqualTo(floats());
  }

  @Test
  void aDeletedTableGivesItsMemoryBack() throws Exception {
    for (int i = 0; i < 40; i++) {
      put("t" + i, 1, 200_000);
      client.doAction(new Action("delete", ("t" + i).getBytes(StandardCharsets.UTF_8)))
          .forEachRemaining(_ -> {});
    }
    assertThat(server.mappedBytes()).isLessThanOrEqualTo(QUOTA);
    refused(FlightStatusCode.NOT_FOUND, "put one first", () -> get("t1"));
  }

  @Test
  void unknownNamesListTheNearest() throws Exception {
    put("encoder.weight", 1, 1);
    put("decoder.weight", 1, 1);
    refused(FlightStatusCode.NOT_FOUND, "the nearest names are encoder.weight",
        () -> get("encoder.weights"));
    refused(FlightStatusCode.NOT_FOUND, "decoder.weight",
        () -> client.getInfo(FlightDescriptor.path("decoder.bias")));
    refused(FlightStatusCode.UNIMPLEMENTED, "known are delete, operations, usage",
        () -> client.doAction(new Action("frob")).forEachRemaining(_ -> {}));
    refused(FlightStatusCode.INVALID_ARGUMENT, "named by a path",
        () -> client.getInfo(FlightDescriptor.command(new byte[]{1})));
  }

  @Test
  void whatExceedsTheQuotaIsRefusedAndLeavesNothing() throws Exception {
    put("kept", 1, 10);
    long before = server.mappedBytes();
    refused(FlightStatusCode.RESOURCE_EXHAUSTED, "--flight-max-bytes",
        () -> put("large", 40, 200_000));
    put("small", 3, 200_000);
    assertThat(get("kept")).hasSize(10);
    assertThat(server.mappedBytes()).isBetween(before, QUOTA);
  }

  @Test
  void aClientThatVanishesLeavesNothing() throws Exception {
    put("table", 8, 200_000);
    try (RootAllocator others = new RootAllocator();
        FlightClient other =
            FlightClient.builder(others, new Location(server.location())).build()) {
      FlightStream stream = other.getStream(ticket("table"));
      assertThat(stream.next()).isTrue();
      stream.cancel("gone", null);
      stream.close();
      try (VectorSchemaRoot root = VectorSchemaRoot.create(floats(), others)) {
        FlightClient.ClientStreamListener half = other.startPut(
            FlightDescriptor.path("half"), root, new AsyncPutListener());
        fill(root, 0, 1000);
        half.putNext();
        half.error(new IllegalStateException("gone"));
      }
    }
    assertThat(client.listFlights(Criteria.ALL)).hasSize(1);
    assertThat(get("table")).hasSize(8 * 200_000);
  }

  private static void refused(
      FlightStatusCode code, String words,
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(FlightRuntimeException.class)
        .hasMessageContaining(words)
        .satisfies(failure -> assertThat(((FlightRuntimeException) failure).status().code())
            .isEqualTo(code));
  }

  /** One row of an answer. */
  private record Row(String name, String output, String shape, List<Float> data, String error) {}

  private List<Row> exchange(String command, List<float[]> tensors, long[]... shapes)
      throws Exception {
    List<Row> rows = new ArrayList<>();
    Field item = new Field("item",
        FieldType.nullable(new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE)), null);
    Field dimension = new Field("item", FieldType.nullable(new ArrowType.Int(64, true)), null);
    Schema schema = new Schema(List.of(
        new Field("name", FieldType.nullable(new ArrowType.Utf8()), null),
        new Field("data", FieldType.nullable(new ArrowType.List()), List.of(item)),
        new Field("shape", FieldType.nullable(new ArrowType.List()), List.of(dimension))));
    try (VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
        FlightClient.ExchangeReaderWriter call = client.doExchange(
            FlightDescriptor.command(command.getBytes(StandardCharsets.UTF_8)))) {
      call.getWriter().start(root);
      for (int i = 0; i < tensors.size(); i++) {
        fill(root, "t" + i, tensors.get(i), i < shapes.length ? shapes[i] : null);
        call.getWriter().putNext();
      }
      call.getWriter().completed();
      while (call.getReader().next()) {
        read(call.getReader().getRoot(), rows);
      }
    }
    return rows;
  }

  private static void fill(VectorSchemaRoot root, String name, float[] tensor, long[] shape) {
    root.allocateNew();
    ((VarCharVector) root.getVector("name")).setSafe(0, name.getBytes(StandardCharsets.UTF_8));
    ListVector data = (ListVector) root.getVector("data");
    data.startNewValue(0);
    for (int i = 0; i < tensor.length; i++) {
      ((Float4Vector) data.getDataVector()).setSafe(i, tensor[i]);
    }
    data.endValue(0, tensor.length);
    ListVector shapes = (ListVector) root.getVector("shape");
    if (shape != null) {
      shapes.startNewValue(0);
      for (int i = 0; i < shape.length; i++) {
        ((BigIntVector) shapes.getDataVector()).setSafe(i, shape[i]);
      }
      shapes.endValue(0, shape.length);
    }
    root.setRowCount(1);
  }

  private static void read(VectorSchemaRoot root, List<Row> rows) {
    for (int row = 0; row < root.getRowCount(); row++) {
      List<Float> data = new ArrayList<>();
      LargeVarBinaryVector bytes = (LargeVarBinaryVector) root.getVector("data");
      if (!bytes.isNull(row)) {
        java.nio.ByteBuffer buffer =
            java.nio.ByteBuffer.wrap(bytes.get(row)).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        while (buffer.remaining() >= 4) {
          data.add(buffer.getFloat());
        }
      }
      rows.add(new Row(text(root, "name", row), text(root, "output", row), text(root, "shape", row),
          data, text(root, "error", row)));
    }
  }

  private static String text(VectorSchemaRoot root, String column, int row) {
    FieldVector vector = root.getVector(column);
    return vector.isNull(row) ? "" : vector.getObject(row).toString();
  }

  @Test
  void operationsRunOnBatchesAndFailedItemsAreRows() throws Exception {
    List<Row> rows = exchange("{\"operation\":\"scale\",\"options\":{\"by\":2}}",
        List.of(new float[]{1, 2, 3, 4}, new float[]{-1, 2}, new float[]{5}, new float[]{6},
            new float[8]),
        new long[]{2, 2}, null, null, new long[]{3}, new long[]{2, 2, 2});
    assertThat(rows).extracting(Row::name).containsExactly("t0", "t1", "t2", "t3", "t4");
    assertThat(rows.getFirst())
        .isEqualTo(new Row("t0", "scaled", "[2,2]", List.of(2f, 4f, 6f, 8f), ""));
    assertThat(rows.get(1).error).contains("begins with -1.0");
    assertThat(rows.get(1).data).isEmpty();
    assertThat(rows.get(2).data).containsExactly(10f);
    assertThat(rows.get(3).error).contains("\"t3\"").contains("doesn't fit 4 bytes");
    assertThat(rows.get(4).error).contains("three dimensions");
  }

  @Test
  void operationsMayNeedSpaceLateOrGiveAValue() throws Exception {
    assertThat(exchange("{\"operation\":\"scale\",\"options\":{\"until_zero\":true,\"by\":\"3\"}}",
        List.of(new float[]{1, 2, 0, 4})))
        .containsExactly(new Row("t0", "kept", "[2]", List.of(3f, 6f), ""));
    List<Row> rows = exchange("{\"operation\":\"scale\",\"options\":{\"value\":true}}",
        List.of(new float[]{7}));
    assertThat(rows).singleElement().extracting(Row::output).isEqualTo("value");
    assertThat(rows.getFirst().shape).isEqualTo("[2]");
    assertThat(rows.getFirst().data).hasSize(8);
  }

  @Test
  void otherCallsOfAConnectionAreAnsweredWhileAnOperationRuns() throws Exception {
    put("a", 1, 5);
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      Future<List<Row>> rows = other.submit(() -> exchange(
          "{\"operation\":\"scale\",\"options\":{\"wait\":true}}", List.of(new float[]{1})));
      operation.waiting.await();
      put("b", 1, 2);
      assertThat(get("a")).hasSize(5);
      operation.awaited.countDown();
      assertThat(rows.get()).extracting(Row::error).containsExactly("");
    }
  }

  @Test
  void commandsThatAreWrongEndTheCall() {
    List<float[]> one = List.of(new float[]{1});
    refused(FlightStatusCode.INVALID_ARGUMENT, "no JSON", () -> exchange("{\"operation", one));
    refused(FlightStatusCode.INVALID_ARGUMENT, "the key \"op\"",
        () -> exchange("{\"op\":\"scale\"}", one));
    refused(FlightStatusCode.INVALID_ARGUMENT, "no operation", () -> exchange("{}", one));
    refused(FlightStatusCode.NOT_FOUND, "known are scale",
        () -> exchange("{\"operation\":\"scala\"}", one));
  }

  @Test
  void unknownOptionsAreToldForEachItem() throws Exception {
    List<Row> rows = exchange("{\"operation\":\"scale\",\"options\":{\"frob\":1}}",
        List.of(new float[]{1}));
    assertThat(rows).singleElement().extracting(Row::error).asString()
        .contains("frob").contains("known are by");
  }

  @Test
  void operationsAreListed() {
    List<String> found = new ArrayList<>();
    client.doAction(new Action("operations"))
        .forEachRemaining(
            result -> found.add(new String(result.getBody(), StandardCharsets.UTF_8)));
    assertThat(found)
        .containsExactly("{\"name\":\"scale\",\"summary\":\"multiplies \\\"float32\\\"\"}");
  }

  @Test
  void wrongOptionsAreRefused() throws IOException {
    assertThatThrownBy(() -> FlightOptions.of("http://127.0.0.1:1", 1, 1))
        .isInstanceOf(OptionException.class).hasMessageContaining("grpc://HOST:PORT");
    assertThatThrownBy(() -> FlightOptions.of("grpc+tls://127.0.0.1:1", 1, 1))
        .isInstanceOf(OptionException.class).hasMessageContaining("flight-cert");
    assertThatThrownBy(() -> FlightOptions.of("grpc://0.0.0.0:1", 1, 1))
        .isInstanceOf(OptionException.class).hasMessageContaining("flight-token-file");
    Path empty = Files.createFile(folder.resolve("empty"));
    FlightOptions tokenless = FlightOptions.secured("grpc://127.0.0.1:0", 1, 1, Optional.of(empty),
        Optional.empty(), Optional.empty(), Optional.empty());
    assertThatThrownBy(() -> TensorFlightServer.start(tokenless, new OpRegistry(List.of())))
        .isInstanceOf(OptionException.class).hasMessageContaining("holds no token");
    FlightOptions taken = FlightOptions.of("grpc://127.0.0.1:" + server.port(), 1, 1);
    assertThatThrownBy(() -> TensorFlightServer.start(taken, new OpRegistry(List.of())))
        .isInstanceOf(ResourceException.class).hasMessageContaining("can't listen");
    FlightOptions unreadable = FlightOptions.secured("grpc+tls://127.0.0.1:0", 1, 1,
        Optional.empty(), Optional.of(empty), Optional.of(empty), Optional.empty());
    assertThatThrownBy(() -> TensorFlightServer.start(unreadable, new OpRegistry(List.of())))
        .isInstanceOf(OptionException.class).hasMessageContaining("PKCS #8");
  }
}
