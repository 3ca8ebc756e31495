package io.tensorbridge.arrow.flight;

import com.google.protobuf.ByteString;
import io.grpc.stub.ServerCallStreamObserver;
import java.io.IOException;
import org.apache.arrow.flight.impl.Flight;
import org.jspecify.annotations.Nullable;

/** Receives a table, which replaces an older one of its name once it is complete. */
final class PutCall extends MessageReceiver {
  private static final int MESSAGES_AHEAD = 2;

  private final TableStore tables;
  private final SlabPool pool;
  private final ServerCallStreamObserver<Flight.PutResult> client;
  private String name = "";
  private @Nullable TableUpload upload;
  private boolean failed;

  private PutCall(
      TableStore tables, SlabPool pool, ServerCallStreamObserver<Flight.PutResult> client) {
    this.tables = tables;
    this.pool = pool;
    this.client = client;
  }

  static PutCall start(
      TableStore tables, SlabPool pool, ServerCallStreamObserver<Flight.PutResult> client) {
    PutCall call = new PutCall(tables, pool, client);
    client.disableAutoRequest();
    client.setOnCancelHandler(call::giveUp);
    client.request(MESSAGES_AHEAD);
    return call;
  }

  @Override
  boolean isOver() {
    return failed;
  }

  @Override
  void askForMore() {
    client.request(1);
  }

  @Override
  void take(FlightMessage.Incoming message) throws IOException {
    if (upload == null) {
      Flight.FlightDescriptor descriptor = message.descriptor();
      if (descriptor != null) {
        name = TableName.of(descriptor);
      } else if (name.isEmpty()) {
        throw FlightErrors.invalid("the first message has no descriptor");
      }
      if (message.header().length > 0) {
        upload = new TableUpload(pool, message.header());
      }
    } else if (message.header().length > 0) {
      upload.append(message);
    }
  }

  @Override
  void fail(Throwable failure) {
    if (!failed) {
      giveUp();
      client.onError(FlightErrors.of(failure));
    }
  }

  private void giveUp() {
    failed = true;
    if (upload != null) {
      upload.close();
    }
  }

  @Override
  public void onError(Throwable gone) {
    giveUp();
  }

  @Override
  public void onCompleted() {
    if (failed) {
      return;
    }
    try {
      if (upload == null) {
        throw FlightErrors.invalid("the call ended before a schema came");
      }
      StoredTable table = upload.finish();
      tables.put(name, table);
      client.onNext(Flight.PutResult.newBuilder()
          .setAppMetadata(ByteString.copyFromUtf8("{\"rows\":" + table.rowCount() + ",\"bytes\":"
              + table.byteCount() + "}"))
          .build());
      client.onCompleted();
    } catch (RuntimeException failure) {
      fail(failure);
    }
  }
}
