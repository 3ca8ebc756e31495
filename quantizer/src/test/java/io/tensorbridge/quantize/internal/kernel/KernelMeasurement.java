package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;

/**
 * Prints GB/s of float32 for each kernel, scalar and vector: {@code KernelMeasurement [threads]
 * [megabytes] [name]}. Not a test; the benches measure with more care.
 */
public final class KernelMeasurement {
  private static final int CHUNK = 64 << 10;

  private final int threads;
  private final int chunks;
  private final MemorySegment values;
  private final MemorySegment coded;

  private KernelMeasurement(int threads, int megabytes, Arena arena) {
    this.threads = threads;
    this.chunks = Math.max(1, megabytes * (1 << 20) / (CHUNK * 4));
    this.values = Native.view(arena.allocate(4L * CHUNK * chunks, 64));
    this.coded = Native.view(arena.allocate(4L * CHUNK * chunks, 64));
    Random random = new Random(1);
    for (long i = 0; i < (long) CHUNK * chunks; i++) {
      values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian() * 0.02f);
    }
  }

  public static void main(String[] arguments) throws InterruptedException {
    int threads = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1;
    int megabytes = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 64;
    String only = arguments.length > 2 ? arguments[2] : "";
    try (Arena arena = Arena.ofShared()) {
      KernelMeasurement measurement = new KernelMeasurement(threads, megabytes, arena);
      for (BlockFormat format : BlockFormat.values()) {
        if (format.name().contains(only)) {
          measurement.blocks(format, "scalar", format.scalar());
          if (format.hasVector()) {
            measurement.blocks(format, "vector", format.vector());
          }
        }
      }
      for (GroupFormat format : GroupFormat.values()) {
        if (format.name().contains(only)) {
          measurement.groups(format, "scalar", format.scalar());
          if (format.hasVector()) {
            measurement.groups(format, "vector", format.vector());
          }
        }
      }
      if ("HQQ".contains(only)) {
        measurement.hqq("scalar", new ScalarHqq());
        measurement.hqq("vector", new VectorHqq());
      }
      if ("UNIFORM".contains(only)) {
        measurement.uniform("scalar", new ScalarUniform());
        measurement.uniform("vector", new VectorUniform());
      }
    }
  }

  private void blocks(BlockFormat format, String twin, BlockKernel kernel)
      throws InterruptedException {
    int blocks = CHUNK / format.blockElements();
    long bytes = (long) blocks * format.blockBytes();
    report(
        format + " " + twin + " quantize",
        chunk -> kernel.quantize(values, 4L * CHUNK * chunk, coded, chunk * bytes, blocks));
    report(
        format + " " + twin + " dequantize",
        chunk -> kernel.dequantize(coded, chunk * bytes, values, 4L * CHUNK * chunk, blocks));
  }

  private void groups(GroupFormat format, String twin, GroupKernel kernel)
      throws InterruptedException {
    int training = format.trainingGroup();
    int group = training != 128 ? training : format.name().matches("(INT8|FP8).*") ? 4096 : 64;
    report(
        format + " " + twin + " quantize",
        chunk -> kernel
            .quantize(values, 4L * CHUNK * chunk, group, CHUNK, parts(format, group, chunk)));
    report(
        format + " " + twin + " dequantize",
        chunk -> kernel
            .dequantize(parts(format, group, chunk), group, CHUNK, values, 4L * CHUNK * chunk));
  }

  /** A byte for each element, then what else there is. */
  private MemorySegment[] parts(GroupFormat format, int group, int chunk) {
    MemorySegment[] parts = new MemorySegment[format.partCount()];
    long at = 2L * CHUNK * chunk;
    for (int part = 0; part < parts.length; part++) {
      long byteLength = format.partBytes(part, group, CHUNK);
      parts[part] = coded.asSlice(at, byteLength);
      at += byteLength;
      if (format.isOfTensor(part)) {
        parts[part].set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, format.tensorScale(0.1f));
      }
    }
    return parts;
  }

  /** All passes, with the tensor in the cache that a chunk stays in; narrow values, and wide ones. */
  private void hqq(String twin, HqqKernel kernel) throws InterruptedException {
    for (int bits : new int[]{2, 4}) {
      hqq(twin, kernel, bits, values);
      MemorySegment wide = Native.view(Arena.global().allocate(4L * CHUNK, 64));
      for (long i = 0; i < CHUNK; i++) {
        float value = values.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        wide.setAtIndex(ValueLayout.JAVA_FLOAT, i, 50 * value);
      }
      hqq("wide " + twin, kernel, bits, wide);
    }
  }

  private void hqq(String twin, HqqKernel kernel, int bits, MemorySegment values)
      throws InterruptedException {
    int group = 64;
    int count = CHUNK / group;
    int own = (int) (values.byteSize() / Float.BYTES / CHUNK);
    UniformKernel ranges = new VectorUniform();
    report(
        "hqq" + bits + "/" + group + " " + twin + " quantize",
        chunk -> {
          long from = 4L * CHUNK * (chunk % own);
          HqqGroups groups = new HqqGroups(count, bits);
          for (int i = 0; i < count; i++) {
            groups.begin(i, ranges.range(values, from + 4L * i * group, group));
          }
          double[] errors = new double[HqqRule.PASSES_AT_ONCE];
          for (int pass = 0; pass < HqqRule.PASSES; pass += HqqRule.PASSES_AT_ONCE) {
            kernel.improve(values, from, group, count, groups, 0, errors);
          }
          kernel.codes(values, from, group, count, groups, 0, coded, (long) CHUNK * chunk);
        });
  }

  private void uniform(String twin, UniformKernel kernel) throws InterruptedException {
    MemorySegment codes = Native.view(Arena.global().allocate(2L * CHUNK, 64));
    for (int group : new int[]{32, 128}) {
      for (int bits : new int[]{2, 4, 8}) {
        UniformRule rule = new UniformRule(bits, false);
        int groups = CHUNK / group;
        GroupParameters parameters = new GroupParameters(groups);
        report(
            "uniform" + bits + "/" + group + " " + twin + " quantize",
            chunk -> {
              long from = 4L * CHUNK * chunk;
              long own = chunk % 2 * (long) CHUNK;
              kernel.groups(values, from, group, groups, rule, codes, own, parameters, 0);
              kernel.pack(codes, own, CHUNK, bits, coded, (long) CHUNK * chunk);
            });
      }
    }
    report("uniform " + twin + " range", chunk -> kernel.range(values, 4L * CHUNK * chunk, CHUNK));
    report(
        "uniform4 " + twin + " dequantize",
        chunk -> {
          long own = chunk % 2 * (long) CHUNK;
          kernel.unpack(coded, (long) CHUNK * chunk, CHUNK, 4, codes, own);
          for (int i = 0; i < CHUNK; i += 128) {
            kernel.values(codes, own + i, 128, 0.1f, 7.5f, values, 4L * CHUNK * chunk + 4L * i);
          }
        });
  }

  private void report(String name, IntConsumer work) throws InterruptedException {
    double bestWall = 0;
    double bestProcessor = 0;
    int repeats = Math.max(1, 512 / chunks);
    double gigabytes = 4e-9 * CHUNK * chunks * repeats;
    for (int round = 0; round < 12; round++) {
      AtomicLong processorNanos = new AtomicLong();
      long begun = System.nanoTime();
      List<Thread> running = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        int first = t;
        running.add(
            Thread.ofPlatform().start(
                () -> {
                  for (int r = 0; r < repeats; r++) {
                    for (int chunk = first; chunk < chunks; chunk += threads) {
                      work.accept(chunk);
                    }
                  }
                  processorNanos.addAndGet(
                      ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime());
                }));
      }
      for (Thread thread : running) {
        thread.join();
      }
      bestWall = Math.max(bestWall, gigabytes * 1e9 / (System.nanoTime() - begun));
      bestProcessor = Math.max(bestProcessor, gigabytes * 1e9 / processorNanos.get());
    }
    System.out.printf(
        "%-32s %6.2f GB/s, %6.2f GB per second of processor time%n",
        name, bestWall, bestProcessor);
  }
}
