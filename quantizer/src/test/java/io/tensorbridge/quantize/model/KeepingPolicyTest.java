package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeepingPolicyTest {
  private static final List<String> CONTROLNET =
      List.of(
          "conv_in.weight", "time_embedding.linear_1.weight", "add_embedding.linear_2.weight",
          "down_blocks.0.resnets.0.time_emb_proj.weight", "down_blocks.0.resnets.0.conv1.weight",
          "controlnet_cond_embedding.conv_in.weight", "controlnet_down_blocks.0.weight",
          "controlnet_mid_block.weight", "mid_block.attentions.0.proj_in.bias");

  @TempDir
  private Path directory;

  private Path write(List<String> names) {
    Path path = directory.resolve("model.safetensors");
    List<TensorEntry> entries = new ArrayList<>();
    for (String name : names) {
      Shape shape = name.endsWith(".bias") ? Shape.of(64) : Shape.of(2, 64);
      entries.add(TensorEntry.of(name, new TensorType(DType.F16, shape)));
    }
    try (Arena arena = Arena.ofConfined();
        TensorFileWriter writer =
            TensorFileFormats.ofServices().forPath(path).create(path, entries, Map.of())) {
      for (int i = 0; i < entries.size(); i++) {
        MemorySegment bytes = arena.allocate(entries.get(i).byteLength());
        for (long k = 0; k < bytes.byteSize() / 2; k++) {
          bytes.setAtIndex(
              ValueLayout.JAVA_SHORT, k, Float.floatToFloat16((float) Math.sin((double) i + k)));
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
    return path;
  }

  private Map<String, String> plan(List<String> names, String target, ConversionOptions options) {
    Map<String, String> plans = new LinkedHashMap<>();
    try (ModelConversion conversion =
        ModelConversion.quantize(
            TensorFileFormats.ofServices(), write(names), directory.resolve(target), options)) {
      for (TensorPlan plan : conversion.plans()) {
        plans.put(plan.source().name(), plan.encoding() + " " + plan.note());
      }
      conversion.run(1, (_, _) -> {});
    }
    return plans;
  }

  private static ConversionOptions options(String scheme) {
    return ConversionOptions.of(QuantScheme.parse(scheme));
  }

  @ParameterizedTest
  @CsvSource({"q8_0,out.gguf", "nf4,out.safetensors"})
  void partsOfAControlNetStayInTheirDtypeAndThePlanSaysWhy(String scheme, String target) {
    Map<String, String> plans = plan(CONTROLNET, target, options(scheme));
    String full = QuantScheme.parse(scheme).toString();
    assertThat(plans)
        .containsEntry("conv_in.weight", full + " ")
        .containsEntry(
            "time_embedding.linear_1.weight", "f16 kept: time embedding of a ControlNet")
        .containsEntry(
            "add_embedding.linear_2.weight", "f16 kept: label embedding of a ControlNet")
        .containsEntry("down_blocks.0.resnets.0.time_emb_proj.weight", full + " ")
        .containsEntry("down_blocks.0.resnets.0.conv1.weight", full + " ")
        .containsEntry(
            "controlnet_cond_embedding.conv_in.weight", "f16 kept: hint block of a ControlNet")
        .containsEntry(
            "controlnet_down_blocks.0.weight", "f16 kept: zero convolution of a ControlNet")
        .containsEntry(
            "controlnet_mid_block.weight", "f16 kept: zero convolution of a ControlNet")
        .containsEntry("mid_block.attentions.0.proj_in.bias", "f32 1-D tensors stay f32");
  }

  @ParameterizedTest
  @ValueSource(strings = {"zero_convs.0.0.weight", "middle_block_out.0.weight",
      "input_hint_block.0.weight", "time_embed.0.weight", "label_emb.0.2.weight",
      "controlnet_blocks.3.weight", "controlnet_x_embedder.weight",
      "time_text_embed.timestep_embedder.linear_1.weight"})
  void theOriginalNamesAndThoseOfTransformersAreKnown(String name) {
    for (String prefix : List.of("", "control_model.", "controlnet.")) {
      List<String> names =
          List.of(
              "model.diffusion_model.time_embed.0.weight", "control_model.zero_convs.1.0.weight",
              prefix + name);
      Map<String, String> plans = plan(names, "out.gguf", options("q8_0"));
      assertThat(plans.get(prefix + name)).startsWith("f16 kept: ");
      assertThat(plans).containsEntry("model.diffusion_model.time_embed.0.weight", "q8_0 ");
    }
  }

  @Test
  void overridesAndTheUserGoFirst() {
    ConversionOptions overridden =
        new ConversionOptions(
            QuantScheme.parse("q8_0"),
            List.of(SchemeOverride.parse("controlnet_.*=q4_0")),
            NonFinite.ERROR,
            false);
    assertThat(plan(CONTROLNET, "out.gguf", overridden))
        .containsEntry("controlnet_mid_block.weight", "q4_0 ")
        .containsEntry(
            "time_embedding.linear_1.weight", "f16 kept: time embedding of a ControlNet");
    assertThat(plan(CONTROLNET, "out.gguf", options("q8_0").withPolicy(KeepingPolicy.NONE)))
        .containsEntry("controlnet_mid_block.weight", "q8_0 ");
    SkipList noDefaults = new SkipList(List.of(), false);
    assertThat(plan(CONTROLNET, "out.gguf", options("q8_0").withSkips(noDefaults)))
        .containsEntry("controlnet_mid_block.weight", "q8_0 ");
    assertThat(
        plan(
            CONTROLNET,
            "out.gguf",
            options("q8_0").withSkips(noDefaults).withPolicy(KeepingPolicy.CONTROLNET)))
        .containsEntry(
            "controlnet_mid_block.weight", "f16 kept: zero convolution of a ControlNet");
    assertThat(plan(CONTROLNET, "out.gguf", options("bf16")))
        .containsEntry("controlnet_mid_block.weight", "bf16 ");
  }

  @Test
  void aUnetIsNoControlNet() {
    List<String> unet = List.of("time_embedding.linear_1.weight", "conv_in.weight");
    assertThat(plan(unet, "out.gguf", options("q8_0")))
        .containsEntry("time_embedding.linear_1.weight", "q8_0 ");
    assertThat(
        plan(unet, "out.gguf", options("q8_0").withPolicy(KeepingPolicy.CONTROLNET)))
        .containsEntry(
            "time_embedding.linear_1.weight", "f16 kept: time embedding of a ControlNet");
    assertThat(ControlNetPart.of("up_blocks.0.resnets.0.conv1.weight")).isEqualTo(Optional.empty());
  }

  @Test
  void anUnknownPolicyIsRefused() {
    assertThat(KeepingPolicy.parse("Auto")).isEqualTo(KeepingPolicy.AUTO);
    assertThatThrownBy(() -> KeepingPolicy.parse("unet"))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("\"unet\" is unknown; none, controlnet and auto are known");
  }
}
