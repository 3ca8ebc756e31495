package io.tensorbridge.batch;

import com.sun.management.ThreadMXBean;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.batch.wire.SubmissionKind;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Prints what a submission costs the server; no test, run by hand. */
final class ServerPathProbe {
  private static final ThreadMXBean THREADS =
      (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private ServerPathProbe() {}

  public static void main(String[] arguments) {
    long stride = arguments.length > 0 ? Long.parseLong(arguments[0]) : 4096;
    try (ServerPath path = new ServerPath(4096 * stride)) {
      for (int items : new int[]{1, 100, 1000}) {
        List<TensorLayout> inputs = new ArrayList<>();
        for (int i = 0; i < items; i++) {
          inputs.add(ServerFixture.floats(stride * i, stride / 128, 32));
        }
        String names =
            IntStream.range(0, items).mapToObj(i -> "layer." + i + ".weight")
                .collect(Collectors.joining("\0"));
        Random random = new Random(1);
        long length = path.block("noop", names, inputs);
        measure(path, "ad hoc", items, SubmissionKind.RUN, 0, length, () -> {});
        measure(path, "ad hoc, any order", items, SubmissionKind.RUN, 0, length, () -> {
          Collections.shuffle(inputs, random);
          path.block("noop", names, inputs);
        });
        long prepared = 1L << 40 | items;
        path.write(SubmissionKind.PREPARE, prepared, 0, length);
        path.serve();
        measure(path, "prepared", items, SubmissionKind.RUN_PREPARED, prepared, 0, () -> {});
      }
    }
  }

  private static void measure(
      ServerPath path, String what, int items, SubmissionKind kind, long target, long length,
      Runnable before) {
    int rounds = 200_000 / Math.max(10, items);
    int warmUp = Math.max(4 * rounds, 12_000);
    long[] nanos = new long[rounds];
    long allocated = 0;
    for (int i = -warmUp; i < rounds; i++) {
      before.run();
      path.write(kind, i + 1_000_000L, target, length);
      long bytes = THREADS.getCurrentThreadAllocatedBytes();
      long start = System.nanoTime();
      path.serve();
      long end = System.nanoTime();
      if (i >= 0) {
        nanos[i] = end - start;
        allocated += THREADS.getCurrentThreadAllocatedBytes() - bytes;
      }
    }
    if (path.code(items - 1) != 0) {
      throw new AssertionError("the last item failed");
    }
    Arrays.sort(nanos);
    System.out.printf(
        Locale.ROOT,
        "%-18s %4d items: p50 %8.3f us  p99 %8.3f us  %7.1f bytes%n",
        what, items, nanos[rounds / 2] / 1e3, nanos[rounds * 99 / 100] / 1e3,
        (double) allocated / rounds);
  }
}
