package example;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.batch.Batch;
import io.tensorbridge.batch.BatchClient;
import io.tensorbridge.batch.BatchResult;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** Joins a server and has it quantize a tensor in shared memory: {@code SOCKET}. */
public final class ClientToServer {
  public static void main(String[] args) throws Exception {
    try (BatchClient client = BatchClient.connect(Path.of(args[0]))) {
      Tensor weight = client.allocate(DType.F32, Shape.of(1280, 1280)); // in shared memory
      for (long i = 0; i < weight.shape().elementCount(); i++) {
        weight.data().setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, (float) Math.sin(i));
      }
      Batch batch = Batch.of("quantize").option("scheme", "q8_0").add("a.weight", weight);
      try (BatchResult result = client.submit(batch).get()) {
        Tensor data = result.output("a.weight"); // a view of shared memory
        System.out.printf("a.weight -> %,d bytes%n", data.byteLength());
      }
    }
  }

  private ClientToServer() {}
}
