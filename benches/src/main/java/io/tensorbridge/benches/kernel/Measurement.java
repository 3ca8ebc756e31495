package io.tensorbridge.benches.kernel;

import io.tensorbridge.benches.kernel.Subject.Bounds;
import io.tensorbridge.benches.kernel.Subject.Kernel;
import io.tensorbridge.benches.kernel.Subject.Twin;
import io.tensorbridge.benches.sample.JmhResults;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.sample.Samples.Throughput;
import io.tensorbridge.quantize.QuantScheme;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One benchmark: an operation of a subject, in one place, by so many threads at once.
 *
 * @param subject what is measured
 * @param operation what is done
 * @param place where the memory lies
 * @param threads 1 or 2; in DRAM they share the payload, in the cache each has its own
 */
record Measurement(Subject subject, Operation operation, Place place, int threads) {
  private static final List<Integer> THREADS = List.of(1, 2);

  /** Every benchmark of kernels, subject by subject. */
  static List<Measurement> all() {
    List<Measurement> all = new ArrayList<>();
    for (Subject subject : Subject.all()) {
      for (int threads : THREADS) {
        for (Place place : Place.values()) {
          for (Operation operation : subject.operations()) {
            all.add(new Measurement(subject, operation, place, threads));
          }
        }
      }
    }
    return List.copyOf(all);
  }

  /** Group and contender, {@code kernels_q8_0/vector_dram_1t}. */
  String id() {
    return subject.group() + "/" + contender();
  }

  /** {@code vector_dram_1t}, {@code dequantize_scalar_cache_2t}, {@code copy_dram_1t}. */
  String contender() {
    String way = switch (subject) {
      case Kernel kernel ->
          (operation == Operation.QUANTIZE ? "" : operation + "_") + kernel.twin();
      case Bounds bounds -> operation.toString();
    };
    return way + "_" + place + "_" + threads + "t";
  }

  /** One sentence for people. */
  String description() {
    String what = switch (subject) {
      case Kernel kernel ->
          (operation == Operation.QUANTIZE ? "float32 to " : "float32 from ") + kernel.scheme()
              + ", " + kernel.twin() + " twin";
      case Bounds bounds ->
          operation == Operation.COPY
              ? "MemorySegment.copy of float32"
              : "Reading float32 and adding it up";
    };
    return what + (place == Place.DRAM ? ", from DRAM, " : ", within the second-level cache, ")
        + (threads == 1 ? "one thread" : threads + " threads") + "; GB/s of float32.";
  }

  /** What the result of JMH is called; the bytes are those of all threads. */
  JmhResults.Name name(long bytesPerThread) {
    return new JmhResults.Name(
        "kernels",
        subject.group(),
        contender(),
        description(),
        operation.isBound() ? Role.BOUND : Role.OURS,
        new Throughput("bytes", (double) bytesPerThread * threads));
  }

  /**
   * What a result of JMH measured.
   *
   * @throws IOException if it is no benchmark of kernels
   */
  static Measurement of(JmhResults.Entry entry) throws IOException {
    String method = entry.benchmark().substring(entry.benchmark().indexOf('.') + 1);
    Operation operation = value(Operation.class, method);
    Subject subject = operation.isBound()
        ? new Bounds()
        : new Kernel(
            QuantScheme.parse(entry.param("scheme")),
            value(Twin.class, entry.param("twin")));
    return new Measurement(
        subject, operation, value(Place.class, entry.param("place")), entry.threads());
  }

  private static <E extends Enum<E>> E value(Class<E> type, String text) throws IOException {
    try {
      return Enum.valueOf(type, text.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "\"" + text + "\" is no " + type.getSimpleName() + " of a kernel benchmark", e);
    }
  }
}
