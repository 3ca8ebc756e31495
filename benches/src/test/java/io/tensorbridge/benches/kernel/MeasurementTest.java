package io.tensorbridge.benches.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.benches.sample.JmhResults;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.quantize.QuantScheme;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MeasurementTest {
  @Test
  void everySchemeOfTheQuantizerIsMeasuredExceptF32() {
    for (String family : QuantScheme.knownFamilies()) {
      boolean measured =
          Measurement.all().stream()
              .anyMatch(one -> one.id().startsWith("kernels_" + family));
      assertThat(measured).as(family).isEqualTo(!family.equals("f32"));
    }
  }

  @Test
  void namesAreValidAndUnique() {
    List<String> ids = Measurement.all().stream().map(Measurement::id).toList();
    assertThat(ids).doesNotHaveDuplicates().contains(
        "kernels_q8_0/vector_dram_1t",
        "kernels_q4_0/scalar_cache_2t",
        "kernels_bf16/dequantize_vector_dram_1t",
        "kernels_uniform_8bit_row/scalar_dram_1t",
        "kernels_bounds/copy_dram_1t",
        "kernels_bounds/read_cache_2t");
    assertThat(ids).allMatch(id -> id.matches("kernels_[a-z0-9_]+/[a-z0-9_]+_[12]t"));
  }

  static List<Measurement> all() {
    return Measurement.all();
  }

  @ParameterizedTest
  @MethodSource("all")
  void theResultOfJmhTellsWhatWasMeasured(Measurement measurement) throws IOException {
    Map<String, String> params = new TreeMap<>(Map.of("place", measurement.place().toString()));
    if (measurement.subject() instanceof Subject.Kernel kernel) {
      params.put("scheme", kernel.scheme().toString());
      params.put("twin", kernel.twin().toString());
    }
    JmhResults.Entry entry =
        new JmhResults.Entry(
            "Any." + measurement.operation(),
            params,
            measurement.threads(),
            "1.37",
            new int[0],
            new double[0]);
    assertThat(Measurement.of(entry)).isEqualTo(measurement);
    JmhResults.Name name = measurement.name(1000);
    assertThat(name.throughput().amount()).isEqualTo(1000.0 * measurement.threads());
    assertThat(name.role())
        .isEqualTo(name.group().equals("kernels_bounds") ? Role.BOUND : Role.OURS);
  }

  @Test
  void thePayloadFollowsTheCaches(@TempDir Path folder) throws IOException {
    cache(folder.resolve("index0"), "1", "Data", "32K");
    cache(folder.resolve("index1"), "1", "Instruction", "4096K");
    cache(folder.resolve("index2"), "2", "Unified", "1024K");
    cache(folder.resolve("index3"), "3", "Unified", "16M");
    CpuCaches caches = CpuCaches.read(folder);
    assertThat(caches).isEqualTo(new CpuCaches(1 << 20, 16 << 20));
    Payload payload = Payload.of(caches);
    assertThat(payload.bytesPerThread(Place.DRAM, 2)).isEqualTo(64 << 20);
    assertThat(payload.bytesPerThread(Place.CACHE, 2)).isEqualTo(256 << 10);
  }

  @Test
  void withoutFactsTheCachesAreThoseOfMostServers(@TempDir Path folder) throws IOException {
    assertThat(Payload.of(CpuCaches.read(folder.resolve("none"))).dramBytes())
        .isEqualTo(256 << 20);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 4096, 32769, -32768})
  void aPayloadThatIsNoWholeRowsIsRefused(long bytes) {
    assertThatThrownBy(() -> new Payload(bytes, 131072))
        .hasMessageContaining("take a multiple of 32768");
  }

  private static void cache(Path folder, String level, String type, String size)
      throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("level"), level + "\n");
    Files.writeString(folder.resolve("type"), type + "\n");
    Files.writeString(folder.resolve("size"), size + "\n");
  }
}
