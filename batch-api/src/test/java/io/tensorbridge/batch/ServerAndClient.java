package io.tensorbridge.batch;

import io.tensorbridge.Tensor;
import io.tensorbridge.shm.LocalSocket;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A server at a path, with the diagnostic operations, and a client of it; for each test anew. */
abstract class ServerAndClient {
  @RegisterExtension
  static final NothingLeft NOTHING_LEFT = new NothingLeft();

  private Path folder;
  private BatchServer server;
  private BatchClient client;

  @BeforeEach
  void start() throws IOException {
    folder = Files.createTempDirectory("tb");
    server = BatchServer.listen(socket(), options().build());
    client = BatchClient.over(LocalSocket.connect(socket()), clientOptions());
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    server.close();
    Files.delete(folder);
  }

  ServerOptions.Builder options() {
    return ServerOptions.builder().diagnostics(true).threads(2);
  }

  ClientOptions clientOptions() {
    return ClientOptions.defaults();
  }

  Path socket() {
    return folder.resolve("s");
  }

  BatchServer server() {
    return server;
  }

  BatchClient client() {
    return client;
  }

  /** Writes 0, 1, 2, ... into a row-major float32 tensor. */
  static Tensor counting(Tensor tensor) {
    for (long i = 0; i < tensor.shape().elementCount(); i++) {
      tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, (float) i);
    }
    return tensor;
  }

  static float[] floats(Tensor tensor) {
    return tensor.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }
}
