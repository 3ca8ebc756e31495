package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.WorkerPool;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;

/**
 * Prints how long it takes to quantize the attention weights of a model, plainly and with factors
 * merged: {@code LoraMeasurement shapes.tsv scheme threads rounds rank}; the shapes are lines of a
 * name, a tab, and extents separated by commas. Not a test.
 */
public final class LoraMeasurement {
  private static final Pattern TOUCHED =
      Pattern.compile(".*attn[12]\\.to_(q|k|v|out\\.0)\\.weight");

  private LoraMeasurement() {}

  public static void main(String[] arguments) throws IOException {
    String scheme = arguments[1];
    int threads = Integer.parseInt(arguments[2]);
    int rounds = Integer.parseInt(arguments[3]);
    int rank = Integer.parseInt(arguments[4]);
    OpRegistry registry = OpRegistry.ofServices();
    Options options = Options.NONE.with("scheme", scheme);
    Options measured = options.with("survival", "true");
    try (Arena arena = Arena.ofShared();
        WorkerPool pool = new WorkerPool(Math.max(1, threads - 1), "measure")) {
      List<List<Tensor>> plain = new ArrayList<>();
      List<List<Tensor>> merging = new ArrayList<>();
      long bytes = 0;
      for (String line : Files.readAllLines(Path.of(arguments[0]))) {
        String[] fields = line.split("\t", -1);
        if (TOUCHED.matcher(fields[0]).matches()) {
          long[] extents =
              Arrays.stream(fields[1].split(",", -1)).mapToLong(Long::parseLong).toArray();
          Tensor weight = tensor(arena, extents);
          plain.add(List.of(weight));
          MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_DOUBLE, 0.8);
          merging.add(
              List.of(
                  weight, Tensor.of(one, DType.F64, Shape.of(1)),
                  tensor(arena, rank, extents[1]), tensor(arena, extents[0], rank)));
          bytes += weight.byteLength();
        }
      }
      System.out.printf("%d weights, %.1f MB%n", plain.size(), bytes * 1e-6);
      List<Run> runs =
          List.of(
              new Run("quantize", registry.get("quantize"), plain, options, arena),
              new Run("quantize_lora", registry.get("quantize_lora"), merging, options, arena),
              new Run("with survival", registry.get("quantize_lora"), merging, measured, arena));
      double[][] times = new double[runs.size()][rounds];
      for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < runs.size(); i++) {
          times[i][round] = runs.get(i).millis(pool, threads);
        }
      }
      for (int i = 0; i < runs.size(); i++) {
        Arrays.sort(times[i]);
        double median = times[i][rounds / 2];
        System.out.printf(
            "%-15s median %.1f ms, least %.1f ms, %.2f GB/s of float32%n",
            runs.get(i).name, median, times[i][0], bytes * 1e-6 / median);
      }
    }
  }

  private static Tensor tensor(Arena arena, long... extents) {
    TensorType type = new TensorType(DType.F32, Shape.of(extents));
    MemorySegment memory = arena.allocate(type.byteLength(), 64);
    Random random = new Random(3);
    for (long i = 0; i < type.shape().elementCount(); i++) {
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, 0.02f * (random.nextFloat() - 0.5f));
    }
    return Tensor.of(memory, DType.F32, type.shape());
  }

  private static final class Run implements OpBatch.Listener {
    final String name;
    private final List<OpBatch.Item> items = new ArrayList<>();

    Run(String name, TensorOp op, List<List<Tensor>> inputs, Options options, Arena arena) {
      this.name = name;
      for (List<Tensor> item : inputs) {
        OpPlan plan = op.plan(item.stream().map(Tensor::type).toList(), options);
        List<Tensor> outputs = new ArrayList<>();
        for (OutputSpec spec : plan.outputs()) {
          MemorySegment memory = arena.allocate(spec.type().byteLength(), 64);
          outputs.add(Tensor.of(memory, spec.type().dtype(), spec.type().shape()));
        }
        MemorySegment value = arena.allocate(OpMemory.VALUE_BYTES);
        items.add(
            new OpBatch.Item(
                plan.workBytes(), () -> plan.bind(new OpMemory(item, outputs, value))));
      }
    }

    double millis(WorkerPool pool, int threads) {
      long begun = System.nanoTime();
      OpBatch batch = new OpBatch(items, false, threads, this, pool::wake);
      if (threads == 1) {
        batch.runAll();
      } else {
        pool.submit(batch);
        pool.help(batch);
      }
      return (System.nanoTime() - begun) * 1e-6;
    }

    @Override
    public void itemEnded(int item, Outcome outcome) {
      // only the time counts
    }

    @Override
    public void itemFailed(int item, BridgeException failure) {
      throw failure;
    }

    @Override
    public void batchEnded() {
      // the caller notices
    }
  }
}
