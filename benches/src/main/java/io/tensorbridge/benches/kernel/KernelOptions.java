package io.tensorbridge.benches.kernel;

import io.tensorbridge.benches.UsageException;
import io.tensorbridge.benches.kernel.Subject.Kernel;
import io.tensorbridge.benches.kernel.Subject.Twin;
import io.tensorbridge.benches.sample.JmhResults;
import io.tensorbridge.quantize.Quantizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What the stage {@code kernels} was asked for.
 *
 * @param quick whether this is the short version
 * @param filter found in the names of chosen benchmarks
 * @param ids the chosen benchmarks; empty for all
 * @param rounds how often each subject gets a JVM
 * @param iterations of JMH, each a sample
 * @param iterationMillis the time of one
 * @param payload how much float32
 * @param folder where samples go
 * @param run what the samples say of the run
 */
record KernelOptions(
    boolean quick,
    Pattern filter,
    Set<String> ids,
    int rounds,
    int iterations,
    int iterationMillis,
    Payload payload,
    Path folder,
    JmhResults.Run run) {

  /**
   * The chosen benchmarks, in the order of the whole list.
   *
   * @throws UsageException if there are none
   */
  List<Measurement> chosen() {
    List<Measurement> chosen =
        Measurement.all().stream()
            .filter(one -> ids.isEmpty() || ids.contains(one.id()))
            .filter(one -> filter.matcher(one.id()).find())
            .filter(one -> !quick || isQuick(one))
            .toList();
    if (chosen.isEmpty()) {
      throw new UsageException(
          "no kernel benchmark is chosen; --list shows all"
              + (quick
                  ? ", of which --quick leaves out " + NOT_QUICK
                  : ""));
    }
    return chosen;
  }

  /** What a quick run leaves out, for its messages. */
  static final String NOT_QUICK =
      "caches, two threads, dequantizing and scalar twins of vector ones";

  private static boolean isQuick(Measurement one) {
    return one.place() == Place.DRAM
        && one.threads() == 1
        && one.operation() != Operation.DEQUANTIZE
        && !(one.subject() instanceof Kernel kernel
            && kernel.twin() == Twin.SCALAR
            && Quantizer.of(kernel.scheme()).hasVectorKernels());
  }
}
