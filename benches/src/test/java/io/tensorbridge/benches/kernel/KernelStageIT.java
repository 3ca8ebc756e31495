package io.tensorbridge.benches.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.Main;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.sample.Samples.Throughput;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelStageIT {
  private static final int DRAM_BYTES = 1 << 20;

  @TempDir
  Path folder;

  @Test
  void roundsOfForksBecomeSamplesOfSeveralLaunches() throws IOException {
    Path environment = folder.resolve("environment.json");
    Files.writeString(environment, "{\"cpu\": \"one of a test\"}");
    String out =
        stage(
            0,
            "--filter", "q4_0/(dequantize_)?vector_dram_2t|q4_0/scalar_cache_1t",
            "--rounds", "2", "--iterations", "3", "--iteration-time", "5",
            "--dram-bytes", Integer.toString(DRAM_BYTES),
            "--started", "2026-01-02T03:04:05Z", "--environment", environment.toString(),
            "--option", "filter=q4_0", "-o", folder.toString());
    List<Path> files = out.lines().map(Path::of).toList();
    assertThat(files).containsExactlyInAnyOrder(
        folder.resolve("kernels_q4_0/vector_dram_2t.json"),
        folder.resolve("kernels_q4_0/dequantize_vector_dram_2t.json"),
        folder.resolve("kernels_q4_0/scalar_cache_1t.json"));
    for (Path file : files) {
      Samples samples = Json.read(file, Samples.class);
      assertThat(folder.resolve(samples.id() + ".json")).isEqualTo(file);
      assertThat(samples.launches()).containsExactly(0, 0, 0, 1, 1, 1);
      assertThat(Arrays.stream(samples.totals())).hasSize(6).allMatch(nanos -> nanos > 0);
      assertThat(samples.role()).isEqualTo(Role.OURS);
      assertThat(samples.started()).isEqualTo("2026-01-02T03:04:05Z");
      assertThat(samples.environment()).containsEntry("cpu", "one of a test");
      assertThat(samples.options())
          .containsEntry("filter", "q4_0")
          .containsEntry("rounds", "2")
          .containsEntry("iteration-time", "5 ms");
    }
    assertThat(
        Json.read(folder.resolve("kernels_q4_0/vector_dram_2t.json"), Samples.class).throughput())
        .isEqualTo(new Throughput("bytes", DRAM_BYTES));
    assertThat(Json.read(folder.resolve("jmh/round_2.json"), JsonNode.class)).hasSize(3);
  }

  @Test
  void theBoundsAreMeasuredWithoutAScheme() throws IOException {
    stage(
        0,
        "--quick", "--filter", "bounds/", "--rounds", "1", "--iterations", "2",
        "--iteration-time", "5", "--dram-bytes", Integer.toString(DRAM_BYTES),
        "-o", folder.toString());
    for (String contender : List.of("copy_dram_1t", "read_dram_1t")) {
      Path file = folder.resolve("kernels_bounds").resolve(contender + ".json");
      assertThat(Json.read(file, Samples.class).role()).isEqualTo(Role.BOUND);
    }
  }

  @Test
  void theListNamesWhatIsChosen() {
    assertThat(stage(0, "--list", "--quick", "--filter", "bf16").lines())
        .extracting(line -> line.substring(0, line.indexOf('\t')))
        .containsExactly("kernels_bf16/vector_dram_1t");
    assertThat(stage(0, "--list", "--quick", "--filter", "kernels_f16").lines())
        .extracting(line -> line.substring(0, line.indexOf('\t')))
        .containsExactly("kernels_f16/vector_dram_1t");
  }

  @ParameterizedTest
  @CsvSource({
      "--list --filter (, is no regular expression",
      "--list --filter q9, no kernel benchmark is chosen",
      "--list --rounds 0, takes a number from 1",
      "--list --dram-bytes 5, take a multiple of 32768",
      "--list --option cpu, takes NAME=VALUE",
      "--list more, is not understood",
      "--rounds 1, -o DIR is missing"})
  void wrongUsageIsRefusedWithWhatIsAccepted(String words, String message) {
    assertThat(stage(2, words.split(" "))).contains(message);
  }

  private static String stage(int expected, String... words) {
    List<String> arguments = new ArrayList<>(List.of("kernels"));
    arguments.addAll(List.of(words));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream both = new PrintStream(out, true, StandardCharsets.UTF_8);
    int code = Main.run(arguments, both, both);
    String text = out.toString(StandardCharsets.UTF_8);
    assertThat(code).as(text).isEqualTo(expected);
    return text;
  }
}
