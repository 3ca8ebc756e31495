package io.tensorbridge.quantize;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.WorkerPool;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Prints how long a fresh JVM takes to quantize a file of float32, tensors of 8 MiB one after
 * another, an eighth of the file a line: {@code ColdStartMeasurement file scheme threads}. Not a
 * test.
 */
public final class ColdStartMeasurement {
  private static final int TENSOR = 2 << 20;

  private ColdStartMeasurement() {}

  public static void main(String[] arguments) throws IOException {
    QuantScheme scheme = QuantScheme.parse(arguments[1]);
    int threads = Integer.parseInt(arguments[2]);
    try (Arena arena = Arena.ofShared();
        WorkerPool pool = new WorkerPool(threads - 1, "cold");
        FileChannel file = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.READ)) {
      MemorySegment mapped = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena);
      TensorType type = new TensorType(DType.F32, Shape.of(TENSOR / 1024, 1024));
      Quantization quantization = Quantization.of(scheme, type, NonFinite.ERROR);
      long tensors = file.size() / type.byteLength();
      long begun = System.nanoTime();
      for (long i = 0; i < tensors; i++) {
        TensorLayout layout = TensorLayout.rowMajor(type).at(i * type.byteLength());
        Tensor tensor = Tensor.of(mapped, layout, Backing.FILE);
        var run = quantization.bind(tensor, (part, byteOffset, bytes) -> {});
        Work.run(quantization.workBytes(), run, threads, pool);
        if ((i + 1) * 8 / tensors != i * 8 / tensors) {
          System.out.printf(
              "%d/8 after %d ms%n", (i + 1) * 8 / tensors, (System.nanoTime() - begun) / 1_000_000);
        }
      }
    }
  }
}
