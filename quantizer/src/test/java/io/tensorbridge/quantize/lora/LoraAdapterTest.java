package io.tensorbridge.quantize.lora;

import static io.tensorbridge.quantize.lora.AdapterFiles.FORMATS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LoraAdapterTest {
  private static final String LAYER = "base_model.model.layers.0.q_proj";

  @TempDir
  private Path directory;

  private LoraAdapter read(AdapterFiles files) {
    return LoraAdapter.read(FORMATS, files.write(directory.resolve("adapter.safetensors")));
  }

  private void refuses(AdapterFiles files, String... words) {
    assertThatThrownBy(() -> read(files))
        .isInstanceOf(BridgeException.class)
        .hasMessageContainingAll(words);
  }

  private void config(String json) throws IOException {
    Files.writeString(directory.resolve("adapter_config.json"), json);
  }

  @Test
  void readsTheNamesOfKohya() {
    LoraAdapter adapter =
        LoraAdapter.read(FORMATS, AdapterFiles.resource("kohya.safetensors"));

    assertThat(adapter.format()).isEqualTo(LoraFormat.KOHYA);
    assertThat(adapter.modules()).extracting(LoraModule::rank).containsExactlyInAnyOrder(4, 3, 5,
        4);
    assertThat(adapter.modules())
        .extracting(LoraModule::alpha)
        .containsExactlyInAnyOrder(2.0, 3.0, 1.0, 8.0);
    assertThat(adapter.modules())
        .extracting(LoraModule::deltaShape)
        .containsExactlyInAnyOrder(
            Shape.of(40, 24), Shape.of(24, 16, 1, 1), Shape.of(20, 8, 3, 3),
            Shape.of(12, 10, 3, 3));
    assertThat(adapter.modules()).allMatch(module -> module.dtype() == DType.F16);
    assertThat(adapter.modules()).filteredOn(module -> module.mid().isPresent()).hasSize(1);
  }

  @Test
  void takesTheRankWhereNothingTellsAnAlpha() {
    LoraModule kohya = read(new AdapterFiles().kohya("lora_unet_a", 4, 8, 6)).modules().getFirst();
    LoraModule peft = read(new AdapterFiles().peft(LAYER, 5, 8, 6)).modules().getFirst();

    assertThat(kohya.ratio()).isEqualTo(1);
    assertThat(peft.ratio()).isEqualTo(1);
  }

  @Test
  void readsTheAlphasOfTheConfigBesideTheFile() throws IOException {
    config(
        """
            {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"],
             "rank_pattern": {"layers.1.q_proj": 2, "^no.*thing": 7},
             "alpha_pattern": {"layers\\\\.[12]\\\\.q_proj": 3}, "use_rslora": false}
            """);
    LoraAdapter adapter =
        read(
            new AdapterFiles()
                .peft(LAYER, 4, 8, 6)
                .peft("base_model.model.layers.1.q_proj", 2, 8, 6));

    assertThat(adapter.format()).isEqualTo(LoraFormat.PEFT);
    assertThat(adapter.modules()).extracting(LoraModule::ratio).containsExactly(2.0, 1.5);
  }

  @Test
  void dividesByTheRootOfTheRankIfRankStabilized() throws IOException {
    config("{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"use_rslora\": true}");

    assertThat(read(new AdapterFiles().peft(LAYER, 4, 8, 6)).modules().getFirst().ratio())
        .isEqualTo(4);
  }

  @Test
  void readsAlphaFromTheMetadataOfAFileWithoutAConfig() {
    AdapterFiles files = new AdapterFiles().peft(LAYER, 4, 8, 6).metadata("lora_alpha", "2");

    assertThat(read(files).modules().getFirst().ratio()).isEqualTo(0.5);
  }

  @Test
  void readsTheConfigsThatDiffusersKeepsInTheHeader() {
    AdapterFiles files =
        new AdapterFiles()
            .peft("unet.mid_block.to_q", 4, 8, 6)
            .peft("text_encoder.text_model.fc1", 2, 8, 6)
            .metadata(
                "lora_adapter_metadata",
                "{\"unet.lora_alpha\": 8, \"unet.r\": 4, \"unet.alpha_pattern\": {},"
                    + " \"text_encoder.lora_alpha\": 1, \"text_encoder.target_modules\": [\"fc1\"]}");

    assertThat(read(files).modules()).extracting(LoraModule::ratio).containsExactly(0.5, 2.0);
    refuses(files.metadata("lora_adapter_metadata", "{\"unet.r\": "), "lora_adapter_metadata");
    refuses(files.metadata("lora_adapter_metadata", "{\"unet.r\": 8}"), "unet.mid_block",
        "tells 8");
  }

  @Test
  void readsNamesWithTheNameOfAnAdapterAndOlderNamesOfDiffusers() {
    AdapterFiles named =
        new AdapterFiles()
            .tensor(LAYER + ".lora_A.default.weight", 2, 6)
            .tensor(LAYER + ".lora_B.default.weight", 8, 2)
            .tensor(LAYER + ".lora_magnitude_vector.default.weight", 8);
    AdapterFiles old =
        new AdapterFiles()
            .tensor("unet.mid_block.to_q.lora.down.weight", 2, 6)
            .tensor("unet.mid_block.to_q.lora.up.weight", 8, 2);

    assertThat(read(named).modules().getFirst().magnitude()).isPresent();
    assertThat(read(old).modules().getFirst().rank()).isEqualTo(2);
  }

  @Test
  void refusesMalformedModulesAndNamesThem() {
    AdapterFiles half = new AdapterFiles().tensor("lora_unet_x.lora_down.weight", 4, 8);
    refuses(half, "\"lora_unet_x\"", "not the up (B) half");
    AdapterFiles ranks =
        new AdapterFiles()
            .tensor("lora_unet_x.lora_down.weight", 4, 8)
            .tensor("lora_unet_x.lora_up.weight", 8, 5);
    refuses(ranks, "\"lora_unet_x\"", "different ranks", "(4, 8)", "(8, 5)");
    AdapterFiles huge =
        new AdapterFiles().kohya("lora_unet_x", 4, 8, 8).tensor("lora_unet_x.alpha", 1e30f);
    refuses(huge, "\"lora_unet_x\"", "alpha", "E30");
    AdapterFiles infinite =
        new AdapterFiles()
            .kohya("lora_unet_x", 4, 8, 8)
            .tensor("lora_unet_x.alpha", Float.POSITIVE_INFINITY);
    refuses(infinite, "lora_unet_x.alpha", "Infinity");
    AdapterFiles nan =
        new AdapterFiles()
            .kohya("lora_unet_x", 4, 8, 8)
            .tensor("lora_unet_x.lora_up.weight", Float.NaN, 8, 4);
    refuses(nan, "lora_unet_x.lora_up.weight", "element 0", "NaN");
    AdapterFiles flat = new AdapterFiles().kohya("lora_unet_x", 4, 8, 8);
    refuses(flat.tensor("lora_unet_x.lora_up.weight", 8), "\"lora_unet_x\"", "(8,)");
    AdapterFiles alphas = new AdapterFiles().kohya("lora_unet_x", 4, 8, 8);
    refuses(alphas.tensor("lora_unet_x.alpha", 2), "\"lora_unet_x\"", "one alpha");
  }

  @Test
  void refusesWrongMiddleFactorsAndMagnitudes() {
    AdapterFiles mid =
        new AdapterFiles()
            .tensor("lora_unet_x.lora_down.weight", 4, 8, 1, 1)
            .tensor("lora_unet_x.lora_mid.weight", 4, 3, 3, 3)
            .tensor("lora_unet_x.lora_up.weight", 8, 4, 1, 1);
    refuses(mid, "\"lora_unet_x\"", "mid");
    AdapterFiles columns =
        new AdapterFiles().kohya("lora_unet_x", 4, 8, 8).tensor("lora_unet_x.dora_scale", 1, 8);
    refuses(columns, "\"lora_unet_x\"", "magnitudes", "columns");
  }

  @Test
  void refusesWhatItCannotMerge() {
    AdapterFiles loha = new AdapterFiles().tensor("lora_unet_x.hada_w1_a", 4, 8);
    refuses(loha, "lora_unet_x.hada_w1_a", "LoHa");
    refuses(new AdapterFiles().tensor("x.alpha", 1f), "holds no LoRA");
    AdapterFiles both =
        new AdapterFiles().kohya("lora_unet_x", 4, 8, 8).peft(LAYER, 4, 8, 8);
    refuses(both, "lora_unet_x", "named as kohya does where others are named as PEFT");
    AdapterFiles twice =
        new AdapterFiles().peft(LAYER, 4, 8, 8).tensor(LAYER + ".lora_A.b.weight", 4, 8);
    refuses(twice, LAYER, "the same part");
  }

  @Test
  void refusesAConfigThatContradictsOrIsForSomethingElse() throws IOException {
    config("{\"peft_type\": \"LORA\", \"r\": 8}");
    refuses(new AdapterFiles().peft(LAYER, 4, 8, 8), LAYER, "rank 4", "config tells 8");
    config("{\"peft_type\": \"IA3\"}");
    refuses(new AdapterFiles().peft(LAYER, 4, 8, 8), "IA3");
    config("{\"peft_type\": \"LORA\", \"r\": ");
    refuses(new AdapterFiles().peft(LAYER, 4, 8, 8), "adapter_config.json");
    config("{\"use_dora\": true}");
    refuses(new AdapterFiles().peft(LAYER, 4, 8, 8), LAYER, "no magnitudes");
    config("{\"alpha_pattern\": {\"(\": 1}}");
    refuses(new AdapterFiles().peft(LAYER, 4, 8, 8), "malformed pattern");
    config("{\"fan_in_fan_out\": true}");
    refuses(new AdapterFiles().peft(LAYER, 4, 8, 8), "fan_in_fan_out");
  }

  @Test
  void refusesATruncatedFile() throws IOException {
    Path whole =
        new AdapterFiles().kohya("lora_unet_x", 4, 8, 8).write(directory.resolve("a.safetensors"));
    byte[] bytes = Files.readAllBytes(whole);
    Path cut = directory.resolve("cut.safetensors");
    Files.write(cut, Arrays.copyOf(bytes, bytes.length - 5));

    assertThatThrownBy(() -> LoraAdapter.read(FORMATS, cut)).isInstanceOf(BridgeException.class);
  }
}
