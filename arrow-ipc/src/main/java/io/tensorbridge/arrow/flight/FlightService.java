package io.tensorbridge.arrow.flight;

import com.google.protobuf.ByteString;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.TensorOpProvider;
import io.tensorbridge.op.WorkerPool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.arrow.flight.impl.Flight;
import org.apache.arrow.flight.impl.FlightServiceGrpc;

/**
 * The calls of {@code Flight.proto}.
 *
 * @param tables by name
 * @param pool the memory of tables and batches
 * @param operations for {@code DoExchange}
 * @param workers who run them
 * @param locations where clients find this server, best first
 */
record FlightService(
    TableStore tables,
    SlabPool pool,
    OpRegistry operations,
    WorkerPool workers,
    Supplier<List<String>> locations) {
  private static final int PREFIX_BYTES = 8;
  private static final String DELETE = "delete";
  private static final String OPERATIONS = "operations";
  private static final String USAGE = "usage";

  ServerServiceDefinition define() {
    FlightMarshaller data = new FlightMarshaller();
    MethodDescriptor<Flight.Ticket, FlightMessage> doGet =
        FlightServiceGrpc.getDoGetMethod().toBuilder(
            ProtoUtils.marshaller(Flight.Ticket.getDefaultInstance()), data).build();
    MethodDescriptor<FlightMessage, Flight.PutResult> doPut =
        FlightServiceGrpc.getDoPutMethod().toBuilder(
            data, ProtoUtils.marshaller(Flight.PutResult.getDefaultInstance())).build();
    MethodDescriptor<FlightMessage, FlightMessage> doExchange =
        FlightServiceGrpc.getDoExchangeMethod().toBuilder(data, data).build();
    return ServerServiceDefinition.builder(FlightServiceGrpc.SERVICE_NAME)
        .addMethod(FlightServiceGrpc.getListFlightsMethod(),
            ServerCalls.asyncServerStreamingCall(answering(this::listFlights)::accept))
        .addMethod(FlightServiceGrpc.getGetFlightInfoMethod(),
            ServerCalls.asyncUnaryCall(answering(this::flightInfo)::accept))
        .addMethod(FlightServiceGrpc.getGetSchemaMethod(),
            ServerCalls.asyncUnaryCall(answering(this::schema)::accept))
        .addMethod(doGet, ServerCalls.asyncServerStreamingCall(this::doGet))
        .addMethod(doPut, ServerCalls.asyncClientStreamingCall(
            client -> PutCall.start(tables, pool, serverSide(client))))
        .addMethod(doExchange, ServerCalls.asyncBidiStreamingCall(
            client -> ExchangeCall.start(operations, workers, pool, serverSide(client))))
        .addMethod(FlightServiceGrpc.getDoActionMethod(),
            ServerCalls.asyncServerStreamingCall(answering(this::doAction)::accept))
        .addMethod(FlightServiceGrpc.getListActionsMethod(),
            ServerCalls.asyncServerStreamingCall(
                FlightService.<Flight.Empty,
                    Flight.ActionType>answering(_ -> listActions())::accept))
        .build();
  }

  private static <S> ServerCallStreamObserver<S> serverSide(StreamObserver<S> client) {
    return (ServerCallStreamObserver<S>) client;
  }

  /** A call that is answered at once by any number of messages. */
  private static <Q, S> BiConsumer<Q, StreamObserver<S>> answering(
      Function<Q, List<S>> answers) {
    return (request, client) -> {
      try {
        answers.apply(request).forEach(client::onNext);
        client.onCompleted();
      } catch (RuntimeException failure) {
        client.onError(FlightErrors.of(failure));
      }
    };
  }

  private List<Flight.FlightInfo> listFlights(Flight.Criteria criteria) {
    String prefix = criteria.getExpression().toStringUtf8();
    return tables.names().stream()
        .filter(name -> name.startsWith(prefix))
        .map(name -> info(name, tables.get(name)))
        .toList();
  }

  private List<Flight.FlightInfo> flightInfo(Flight.FlightDescriptor descriptor) {
    String name = TableName.of(descriptor);
    return List.of(info(name, tables.get(name)));
  }

  private List<Flight.SchemaResult> schema(Flight.FlightDescriptor descriptor) {
    StoredTable table = tables.get(TableName.of(descriptor));
    return List.of(Flight.SchemaResult.newBuilder().setSchema(framed(table.schema())).build());
  }

  private Flight.FlightInfo info(String name, StoredTable table) {
    Flight.FlightEndpoint.Builder endpoint = Flight.FlightEndpoint.newBuilder()
        .setTicket(Flight.Ticket.newBuilder().setTicket(ByteString.copyFromUtf8(name)))
        .setAppMetadata(ByteString.copyFromUtf8(LocalPieces.json(table)));
    for (String location : locations.get()) {
      endpoint.addLocation(Flight.Location.newBuilder().setUri(location));
    }
    return Flight.FlightInfo.newBuilder()
        .setSchema(framed(table.schema()))
        .setFlightDescriptor(TableName.descriptor(name))
        .addEndpoint(endpoint)
        .setTotalRecords(table.rowCount())
        .setTotalBytes(table.byteCount())
        .setOrdered(true)
        .build();
  }

  /** A schema as Flight's infos hold it: a message of a stream. */
  private static ByteString framed(byte[] metadata) {
    int padded = Math.ceilDiv(metadata.length, PREFIX_BYTES) * PREFIX_BYTES;
    return ByteString.copyFrom(
        ByteBuffer.allocate(PREFIX_BYTES + padded).order(ByteOrder.LITTLE_ENDIAN)
            .putInt(-1).putInt(padded).put(metadata).rewind());
  }

  private void doGet(Flight.Ticket ticket, StreamObserver<FlightMessage> client) {
    try {
      GetCall.start(tables.open(ticket.getTicket().toStringUtf8()), serverSide(client));
    } catch (RuntimeException failure) {
      client.onError(FlightErrors.of(failure));
    }
  }

  private List<Flight.Result> doAction(Flight.Action action) {
    return switch (action.getType()) {
      case DELETE -> {
        tables.delete(action.getBody().toStringUtf8());
        yield List.of();
      }
      case OPERATIONS -> operations.providers().stream()
          .map(FlightService::described).map(FlightService::result).toList();
      case USAGE -> List.of(result(new JsonText().with("tables", tables.names().size())
          .with("mapped_bytes", pool.bytes()).with("max_bytes", pool.maxBytes()).text()));
      default -> throw Status.UNIMPLEMENTED.withDescription("no action is named \""
          + action.getType() + "\"; known are " + String.join(", ", DELETE, OPERATIONS, USAGE))
          .asRuntimeException();
    };
  }

  private static String described(TensorOpProvider operation) {
    return new JsonText().with("name", operation.name()).with("summary", operation.summary())
        .text();
  }

  private static Flight.Result result(String json) {
    return Flight.Result.newBuilder().setBody(ByteString.copyFromUtf8(json)).build();
  }

  private static List<Flight.ActionType> listActions() {
    return List.of(
        action(DELETE, "Give the table up whose name is the body."),
        action(OPERATIONS, "Tell each operation that DoExchange runs, as JSON: name, summary."),
        action(USAGE, "Tell the memory of the server, as JSON: tables, mapped_bytes, max_bytes."));
  }

  private static Flight.ActionType action(String type, String description) {
    return Flight.ActionType.newBuilder().setType(type).setDescription(description).build();
  }
}
