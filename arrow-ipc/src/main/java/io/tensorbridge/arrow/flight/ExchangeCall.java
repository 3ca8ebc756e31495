package io.tensorbridge.arrow.flight;

import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.tensorbridge.BridgeException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.ArrowMessages;
import io.tensorbridge.arrow.BatchPlan;
import io.tensorbridge.arrow.ReadOptions;
import io.tensorbridge.arrow.netty.TensorBuffers;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.WorkerPool;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flight.impl.Flight;
import org.jspecify.annotations.Nullable;

/**
 * Runs one operation on batches as they come: each is answered by one or more batches of results
 * before the next is taken. A failed item becomes a row; a broken message ends the call.
 */
final class ExchangeCall extends MessageReceiver {
  private static final String HOLDER = "Flight results";

  private final OpRegistry operations;
  private final WorkerPool workers;
  private final SlabPool pool;
  private final ServerCallStreamObserver<FlightMessage> client;
  private final Map<List<TensorType>, OpPlan> plans = new HashMap<>();
  private @Nullable ExchangeCommand command;
  private @Nullable Begun begun;
  private boolean ended;
  private boolean owesRequest;

  /** What the first message tells. */
  @SuppressWarnings("ArrayRecordComponent") // nobody changes it
  private record Begun(
      TensorOp operation, ExchangeCommand command, byte[] schema, ExchangeColumns columns) {}

  private ExchangeCall(OpRegistry operations, WorkerPool workers, SlabPool pool,
      ServerCallStreamObserver<FlightMessage> client) {
    this.operations = operations;
    this.workers = workers;
    this.pool = pool;
    this.client = client;
  }

  static ExchangeCall start(OpRegistry operations, WorkerPool workers, SlabPool pool,
      ServerCallStreamObserver<FlightMessage> client) {
    ExchangeCall call = new ExchangeCall(operations, workers, pool, client);
    client.disableAutoRequest();
    client.setOnCancelHandler(call::end);
    client.setOnReadyHandler(call::requestIfOwed);
    client.request(1);
    return call;
  }

  @Override
  boolean isOver() {
    return ended;
  }

  @Override
  void askForMore() {
    owesRequest = true;
    requestIfOwed();
  }

  /** Takes the next batch only when the client has taken the results of the last. */
  private void requestIfOwed() {
    if (owesRequest && (ended || client.isReady())) {
      owesRequest = false;
      client.request(1);
    }
  }

  @Override
  void take(FlightMessage.Incoming message) throws IOException {
    Begun present = begun;
    if (present == null) {
      Flight.FlightDescriptor told = message.descriptor();
      command = told == null ? command : command(told);
      if (message.header().length == 0) {
        return; // some clients send the schema in a message of its own
      }
      begun = begin(message.header());
      client.onNext(new FlightMessage.Outgoing(
          ArrowMessages.write(ResultBatch.SCHEMA), FlightMessage.NONE, List.of()));
    } else if (message.header().length > 0) {
      run(present, message);
    }
  }

  private static ExchangeCommand command(Flight.FlightDescriptor descriptor) {
    if (descriptor.getType() != Flight.FlightDescriptor.DescriptorType.CMD) {
      throw noCommand();
    }
    return ExchangeCommand.parse(descriptor.getCmd().toByteArray());
  }

  private static StatusRuntimeException noCommand() {
    return FlightErrors.invalid("DoExchange needs a descriptor with a command, which is JSON:"
        + " {\"operation\":\"quantize\",\"options\":{\"scheme\":\"q8_0\"}}");
  }

  private Begun begin(byte[] schema) {
    ExchangeCommand told = command;
    if (told == null) {
      throw noCommand();
    }
    return new Begun(operations.get(told.operation()), told, schema,
        ExchangeColumns.of(ArrowMessages.readSchema(schema)));
  }

  private void run(Begun call, FlightMessage.Incoming message) throws IOException {
    if (ArrowMessages.readHead(message.header()).kind() == ArrowMessages.Kind.DICTIONARY) {
      throw FlightErrors.invalid("dictionaries are not taken; send the columns without");
    }
    try (TableUpload input = new TableUpload(pool, call.schema)) {
      input.append(message);
      StoredTable.Piece piece = input.peek();
      MemorySegment bytes = piece.slab().region().segment().asSlice(0, piece.byteLength());
      ReadOptions reading = ReadOptions.defaults().withMostOwnBytes(pool.maxBytes());
      try (ArrowFile file = ArrowFile.open(bytes, reading)) {
        for (ArrowBatch batch : file.batches()) {
          run(call, batch, message.metadata());
        }
      }
    }
  }

  private void run(Begun call, ArrowBatch batch, byte[] metadata) {
    List<ResultRow> refused = new ArrayList<>();
    List<ExchangeRound.Task> tasks = new ArrayList<>();
    for (ExchangeItem item : call.columns.items(batch)) {
      BridgeException failure = item.failure();
      if (failure == null) {
        try {
          tasks.add(task(call, item));
        } catch (TensorException refusal) {
          failure = refusal.named(item.name());
        } catch (BridgeException refusal) {
          failure = refusal;
        }
      }
      if (failure != null) {
        refused.add(ResultRow.failed(item.name(), 0, failure));
      }
    }
    while (!tasks.isEmpty() && !ended) {
      tasks = runRound(tasks, refused, metadata);
      refused = List.of();
    }
    if (!refused.isEmpty() && !ended) {
      send(ResultBatch.of(refused, MemorySegment.ofArray(FlightMessage.NONE)), null, metadata);
    }
  }

  private ExchangeRound.Task task(Begun call, ExchangeItem item) {
    List<TensorType> types = item.inputs().stream().map(Tensor::type).toList();
    OpPlan plan = plans.computeIfAbsent(
        types, key -> call.operation.plan(key, call.command.options()));
    return new ExchangeRound.Task(item.name(), plan.label(), plan.workBytes(), plan.outputs(),
        (outputs, value) -> plan.bind(new OpMemory(item.inputs(), outputs, value)));
  }

  private List<ExchangeRound.Task> runRound(
      List<ExchangeRound.Task> tasks, List<ResultRow> refused, byte[] metadata) {
    SharedRegion slab = pool.take(ExchangeRound.bytes(tasks));
    try {
      ExchangeRound round = new ExchangeRound(tasks, slab);
      round.run(workers);
      MemorySegment data = round.data();
      List<ResultRow> rows = new ArrayList<>(round.rows());
      rows.addAll(refused);
      if (!ended && !rows.isEmpty()) {
        send(ResultBatch.of(rows, data), slab, metadata);
      }
      return round.rest();
    } finally {
      // Used again when the last buffer of the results has left.
      pool.giveBack(slab);
    }
  }

  private void send(BatchPlan plan, @Nullable SharedRegion slab, byte[] metadata) {
    List<ByteBuf> body = new ArrayList<>();
    for (MemorySegment part : ArrowMessages.body(plan)) {
      if (part.byteSize() > 0) {
        body.add(part.isNative() && slab != null
            ? TensorBuffers.of(part, slab.region().lease(HOLDER))
            : Unpooled.wrappedBuffer(part.asByteBuffer()));
      }
    }
    client.onNext(new FlightMessage.Outgoing(ArrowMessages.write(plan), metadata, body));
  }

  @Override
  void fail(Throwable failure) {
    if (!ended) {
      end();
      client.onError(FlightErrors.of(failure));
    }
  }

  private void end() {
    ended = true;
  }

  @Override
  public void onError(Throwable gone) {
    end();
  }

  @Override
  public void onCompleted() {
    if (!ended) {
      end();
      client.onCompleted();
    }
  }
}
