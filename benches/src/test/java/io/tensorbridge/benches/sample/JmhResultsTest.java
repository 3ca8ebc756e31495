package io.tensorbridge.benches.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.benches.sample.JmhResults.Entry;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.sample.Samples.Throughput;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JmhResultsTest {
  @TempDir
  Path folder;

  @Test
  void forksOfSeveralFilesBecomeLaunchesInOrder() throws IOException {
    List<Entry> entries = JmhResults.read(List.of(round(1), round(2)));
    assertThat(entries).extracting(Entry::benchmark).containsExactly(
        "BoundBenchmark.copy", "KernelBenchmark.quantize", "KernelBenchmark.quantize");
    assertThat(entries).extracting(Entry::threads).containsExactly(1, 1, 2);
    Entry copy = entries.getFirst();
    assertThat(copy.launches()).containsExactly(0, 0, 0, 1, 1, 1);
    assertThat(copy.nanos()).containsExactly(
        2876.5254783484393, 2843.8309898762654, 2927.1458273996013,
        13364.524675324676, 4282.116236162362, 11546.820472440944);
    assertThat(entries.get(2).params()).isEqualTo(
        Map.of("scheme", "q8_0", "twin", "vector", "place", "dram", "bytesPerThread", "524288"));
  }

  @Test
  void anIterationIsAFlatSampleOfOneOperation() throws IOException {
    Entry entry = JmhResults.read(List.of(round(1))).getFirst();
    Samples samples =
        JmhResults.samples(
            entry,
            new JmhResults.Name(
                "kernels",
                "kernels_bounds",
                "copy_cache_1t",
                "A copy.",
                Role.BOUND,
                new Throughput("bytes", 131072)),
            new JmhResults.Run("2026-01-02T03:04:05Z", Map.of("rounds", "1"), Map.of("cpu", "x")));
    assertThat(samples.id()).isEqualTo("kernels_bounds/copy_cache_1t");
    assertThat(samples.tool()).isEqualTo("jmh 1.37");
    assertThat(samples.sampling()).isEqualTo(Samples.Sampling.FLAT);
    assertThat(samples.iterations()).containsExactly(1, 1, 1);
    assertThat(samples.averages()).containsExactly(entry.nanos());
    assertThat(samples.options()).containsEntry("rounds", "1");
    assertThat(samples.environment()).containsEntry("cpu", "x");
  }

  @ParameterizedTest
  @CsvSource({"ns/op, 2.5", "us/op, 2500", "ms/op, 2500000", "s/op, 2500000000"})
  void everyUnitOfTimeBecomesNanoseconds(String unit, double nanos) throws IOException {
    Path file = write("avgt", unit, "[[2.5]]");
    assertThat(JmhResults.read(List.of(file)).getFirst().nanos()).containsExactly(nanos);
  }

  @ParameterizedTest
  @CsvSource({
      "thrpt, ns/op, '[[1]]', only average times",
      "avgt, ops/s, '[[1]]', is no time of an operation",
      "avgt, ns/op, '[]', no samples in rawData"})
  void otherResultsAreRefusedWithTheFile(String mode, String unit, String raw, String message)
      throws IOException {
    Path file = write(mode, unit, raw);
    assertThatThrownBy(() -> JmhResults.read(List.of(file)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  @Test
  void aResultWithoutMetricIsRefused() throws IOException {
    Path file = folder.resolve("other.json");
    Files.writeString(file, "[{\"benchmark\": \"a.B.c\", \"mode\": \"avgt\"}]");
    assertThatThrownBy(() -> JmhResults.read(List.of(file)))
        .hasMessageContaining("has no \"primaryMetric\"");
  }

  private Path write(String mode, String unit, String raw) throws IOException {
    Path file = folder.resolve("result.json");
    Files.writeString(
        file,
        """
            [{"jmhVersion": "1.37", "benchmark": "a.B.c", "mode": "%s", "threads": 1,
              "primaryMetric": {"scoreUnit": "%s", "rawData": %s}}]
            """.formatted(mode, unit, raw));
    return file;
  }

  private static Path round(int number) {
    try {
      return Path.of(
          Objects.requireNonNull(
              JmhResultsTest.class.getResource("jmh_round_" + number + ".json")).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
