package io.tensorbridge.benches.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.SamplesBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplesFileTest {
  @TempDir
  Path folder;

  @Test
  void readsWhatWasWritten() throws IOException {
    Path file = folder.resolve("samples.json");
    Samples written =
        SamplesBuilder.of(1, 2).iterations(1, 2).figure("p50", "ns", 0.5, 0.25).build();
    Json.write(file, written);
    assertThat(SamplesFile.read(file)).usingRecursiveComparison().isEqualTo(written);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
          "[1.5,2.5]; [1.5,\"NaN\"]; totals[1] is NaN",
          "[1.5,2.5]; [1.5,-2.5]; totals[1] is -2.5",
          "[1.5,2.5]; [\"Infinity\",2.5]; totals[0] is Infinity",
          "[1.5,2.5]; []; there are no samples",
          "[1.5,2.5]; [1.5]; 1 totals, but 2 iterations and 2 launches",
          "[1.5,2.5]; null; totals is null",
          "\"iterations\":[1,1]; \"iterations\":[1,0]; iterations[1] is 0",
          "\"launches\":[0,0]; \"launches\":[0,-1]; launches[1] is -1",
          "[0.25,0.75]; [0.25]; figures.share.values has 1 values for 2 samples",
          "[0.25,0.75]; [0.25,\"NaN\"]; figures.share.values[1] is NaN",
          "\"format\":1; \"format\":2; format is 2",
          "\"contender\":\"ours\"; \"contender\":\"../ours\"; \"../ours\" is no name",
          "\"family\":\"copy\"; \"family\":null; family is null",
          "\"role\":\"ours\"; \"role\":\"theirs\"; is no Samples file",
          "\"started\"; \"begun\"; is no Samples file",
      })
  void refusesWhatMakesNoSenseAndNamesFileAndPlace(String part, String replaced, String message)
      throws IOException {
    Path file = folder.resolve("samples.json");
    String good =
        Json.text(SamplesBuilder.of(1.5, 2.5).figure("share", "ratio", 0.25, 0.75).build());
    assertThat(good).contains(part);
    Files.writeString(file, good.replace(part, replaced));
    assertThatThrownBy(() -> SamplesFile.read(file))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  @Test
  void refusesATruncatedFile() throws IOException {
    Path file = folder.resolve("samples.json");
    String good = Json.text(SamplesBuilder.of(1.5).build());
    Files.writeString(file, good.substring(0, good.length() / 2));
    assertThatThrownBy(() -> SamplesFile.read(file))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file + " is no Samples file");
  }
}
