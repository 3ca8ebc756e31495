package io.tensorbridge.quantize.lora;

import static io.tensorbridge.quantize.lora.AdapterFiles.FORMATS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LoraMatchTest {
  @TempDir
  private Path directory;

  private LoraAdapter adapter(AdapterFiles files) {
    return LoraAdapter.read(FORMATS, files.write(directory.resolve("adapter.safetensors")));
  }

  private static Map<String, Shape> base(String... names) {
    Map<String, Shape> base = new LinkedHashMap<>();
    for (String name : names) {
      base.put(name, Shape.of(8, 6));
    }
    return base;
  }

  @ParameterizedTest
  @CsvSource({
      "lora_unet_down_blocks_1_attentions_0_proj_in,"
          + "model.diffusion_model.input_blocks.4.1.proj_in.weight",
      "lora_unet_down_blocks_0_downsamplers_0_conv,"
          + "model.diffusion_model.input_blocks.3.0.op.weight",
      "lora_unet_down_blocks_2_resnets_1_time_emb_proj,"
          + "model.diffusion_model.input_blocks.8.0.emb_layers.1.weight",
      "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q,"
          + "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight",
      "lora_unet_mid_block_resnets_1_conv2,"
          + "model.diffusion_model.middle_block.2.out_layers.3.weight",
      "lora_unet_up_blocks_0_upsamplers_0_conv,"
          + "model.diffusion_model.output_blocks.2.1.conv.weight",
      "lora_unet_up_blocks_1_upsamplers_0_conv,"
          + "model.diffusion_model.output_blocks.5.2.conv.weight",
      "lora_unet_up_blocks_3_attentions_2_proj_out,"
          + "model.diffusion_model.output_blocks.11.1.proj_out.weight",
      "lora_unet_up_blocks_3_resnets_2_conv_shortcut,"
          + "model.diffusion_model.output_blocks.11.0.skip_connection.weight",
      "lora_unet_input_blocks_4_1_proj_in, unet.down_blocks.1.attentions.0.proj_in.weight",
      "lora_unet_conv_in, model.diffusion_model.input_blocks.0.0.weight",
      "lora_te_text_model_encoder_layers_0_mlp_fc1,"
          + "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight",
      "lora_te1_text_model_encoder_layers_0_mlp_fc1,"
          + "conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc1.weight",
      "lora_te2_text_model_encoder_layers_0_mlp_fc1, text_model.encoder.layers.0.mlp.fc1.weight",
      "base_model.model.model.layers.0.self_attn.q_proj, model.layers.0.self_attn.q_proj.weight",
      "transformer.h.0.attn.c_attn, h.0.attn.c_attn.weight",
      "unet.mid_block.attentions.0.proj_in, model.diffusion_model.middle_block.1.proj_in.weight",
      "lora_unet_mid_block_attentions_0_proj_in, control_model.middle_block.1.proj_in.weight"
  })
  void findsTheTensorWhateverToolNamedIt(String module, String tensor) {
    boolean kohya = module.startsWith("lora_");
    AdapterFiles files = kohya
        ? new AdapterFiles().kohya(module, 2, 8, 6)
        : new AdapterFiles().peft(module, 2, 8, 6);

    List<LoraMatch> matches = LoraMatch.of(adapter(files), base("other.weight", tensor));

    assertThat(matches).hasSize(1);
    assertThat(matches.getFirst().tensor()).as(matches.getFirst().reason()).hasValue(tensor);
  }

  @Test
  void tellsComponentsOfAPipelineApart() {
    String layer = "text_model.encoder.layers.0.mlp.fc1";
    Map<String, Shape> base =
        base("text_encoder." + layer + ".weight", "text_encoder_2." + layer + ".weight");
    AdapterFiles files =
        new AdapterFiles()
            .kohya("lora_te1_text_model_encoder_layers_0_mlp_fc1", 2, 8, 6)
            .kohya("lora_te2_text_model_encoder_layers_0_mlp_fc1", 2, 8, 6);

    assertThat(LoraMatch.of(adapter(files), base))
        .extracting(match -> match.tensor().orElse(""))
        .containsExactly(
            "text_encoder." + layer + ".weight", "text_encoder_2." + layer + ".weight");
    AdapterFiles untold = new AdapterFiles().peft("base_model.model." + layer, 2, 8, 6);
    assertThat(LoraMatch.of(adapter(untold), base).getFirst().reason()).contains("may mean each");
  }

  @Test
  void listsTheNearestTensorsOfModulesThatMatchNone() {
    Map<String, Shape> base = base("mid_block.to_q.weight", "mid_block.to_k.weight");
    AdapterFiles files =
        new AdapterFiles()
            .kohya("lora_unet_mid_block_to_q", 2, 8, 6)
            .kohya("lora_unet_mid_block_to_kk", 2, 8, 6);
    LoraAdapter adapter = adapter(files);
    List<ScaledAdapter> scaled = List.of(new ScaledAdapter(adapter, 1));

    assertThatThrownBy(() -> LoraMerge.of(scaled, base, false))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("1 of 2 modules")
        .hasMessageContaining(
            "\"lora_unet_mid_block_to_kk\" matches no tensor; the nearest are"
                + " mid_block.to_k.weight");
    LoraMerge merge = LoraMerge.of(scaled, base, true);
    assertThat(merge.tensors()).containsExactly("mid_block.to_q.weight");
    assertThat(merge.unmatched()).singleElement().asString().contains("to_kk");
  }

  @Test
  void refusesOtherShapesTwoModulesForOneTensorAndForeignAdapters() {
    LoraAdapter wide = adapter(new AdapterFiles().kohya("lora_unet_mid_block_to_q", 2, 8, 7));
    assertThat(LoraMatch.of(wide, base("mid_block.to_q.weight")).getFirst().reason())
        .contains("(8, 7)", "(8, 6)", "mid_block.to_q.weight");
    AdapterFiles twice =
        new AdapterFiles()
            .kohya("lora_unet_mid_block_attentions_0_proj_in", 2, 8, 6)
            .kohya("lora_unet_middle_block_1_proj_in", 2, 8, 6);
    assertThat(
        LoraMatch.of(adapter(twice), base("middle_block.1.proj_in.weight")).getLast().reason())
        .startsWith("means middle_block.1.proj_in.weight, as \"lora_unet_mid")
        .endsWith("_proj_in\" does");
    assertThatThrownBy(
        () -> LoraMerge.of(List.of(new ScaledAdapter(wide, 1)), base("x.weight"), true))
        .hasMessageContaining("another model");
  }
}
