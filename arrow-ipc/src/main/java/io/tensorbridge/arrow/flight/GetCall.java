package io.tensorbridge.arrow.flight;

import io.grpc.stub.ServerCallStreamObserver;
import io.netty.buffer.ByteBuf;
import io.tensorbridge.arrow.netty.TensorBuffers;
import java.util.List;

/** Sends a table, as fast as the client takes it; the bodies go from the slabs to the network. */
final class GetCall implements Runnable {
  /** Enough on the way that neither side waits for the other between batches. */
  private static final int READY_BYTES = 8 << 20;

  private final TableStore.Reading reading;
  private final ServerCallStreamObserver<FlightMessage> client;
  private int sent;
  private boolean completed;

  private GetCall(TableStore.Reading reading, ServerCallStreamObserver<FlightMessage> client) {
    this.reading = reading;
    this.client = client;
  }

  /** Begins; the reading is closed with the call. */
  static void start(TableStore.Reading reading, ServerCallStreamObserver<FlightMessage> client) {
    GetCall call = new GetCall(reading, client);
    client.setOnReadyThreshold(READY_BYTES);
    client.setOnCancelHandler(reading::close);
    client.setOnCloseHandler(reading::close);
    client.setOnReadyHandler(call);
    client.onNext(new FlightMessage.Outgoing(
        reading.table().schema(), FlightMessage.NONE, List.of()));
  }

  @Override
  public void run() {
    List<StoredTable.Message> messages = reading.table().messages();
    while (!completed && client.isReady()) {
      if (sent == messages.size()) {
        completed = true;
        client.onCompleted();
      } else {
        client.onNext(outgoing(messages.get(sent)));
        sent++;
      }
    }
  }

  private static FlightMessage outgoing(StoredTable.Message message) {
    List<ByteBuf> body = message.byteLength() == 0
        ? List.of()
        : List.of(TensorBuffers.of(
            message.slab().region(), message.byteOffset(), message.byteLength()));
    return new FlightMessage.Outgoing(message.header(), message.metadata(), body);
  }
}
