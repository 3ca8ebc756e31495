package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SkipListTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();

  /** Names of diffusers, of transformers and of llama.cpp. */
  private static final List<String> NAMES =
      List.of(
          "time_embedding.linear_1.weight", "down_blocks.0.attentions.0.proj_in.weight",
          "lm_head.weight", "model.embed_tokens.weight", "shared.weight", "my.shared.weight",
          "blk.0.attn_q_norm.weight", "token_embd.weight", "output.weight");

  @TempDir
  private Path directory;

  private List<String> kept(String scheme, String ending, SkipList skips, String... overrides) {
    Path model = directory.resolve("model.safetensors");
    List<TensorEntry> entries = new ArrayList<>();
    for (String name : NAMES) {
      entries.add(TensorEntry.of(name, new TensorType(DType.BF16, Shape.of(4, 256))));
    }
    try (SafetensorsWriter writer = SafetensorsWriter.create(model, entries, Map.of())) {
      writer.commit();
    }
    List<SchemeOverride> parsed = List.of(overrides).stream().map(SchemeOverride::parse).toList();
    ConversionOptions defaults = ConversionOptions.of(QuantScheme.parse(scheme));
    ConversionOptions options =
        new ConversionOptions(
            defaults.scheme(), parsed, defaults.nonFinite(), defaults.continueOnError())
            .withSkips(skips);
    try (ModelConversion conversion =
        ModelConversion.quantize(FORMATS, model, directory.resolve("out" + ending), options)) {
      return conversion.plans().stream()
          .filter(plan -> plan.encoding().equals("bf16"))
          .map(plan -> plan.source().name())
          .toList();
    }
  }

  @Test
  void ggmlTypesKeepWhatLlamaCppKeeps() {
    assertThat(kept("q8_0", ".gguf", SkipList.DEFAULT))
        .containsExactly("blk.0.attn_q_norm.weight");
  }

  @Test
  void otherSchemesKeepEmbeddingsAndHeadsToo() {
    assertThat(kept("uniform", ".safetensors", SkipList.DEFAULT))
        .containsExactlyInAnyOrder(
            "blk.0.attn_q_norm.weight", "lm_head.weight", "model.embed_tokens.weight",
            "shared.weight");
  }

  @Test
  void castsKeepNothing() {
    assertThat(kept("f16", ".gguf", SkipList.DEFAULT)).isEmpty();
  }

  @Test
  void defaultsCanBeLeftAndExpressionsAdded() {
    assertThat(kept("uniform", ".safetensors", SkipList.of(List.of(), false))).isEmpty();
    assertThat(kept("q8_0", ".gguf", SkipList.of(List.of("out.*", "time.*"), false)))
        .containsExactlyInAnyOrder("output.weight", "time_embedding.linear_1.weight");
    assertThatThrownBy(() -> SkipList.of(List.of("("), true))
        .isInstanceOf(OptionException.class);
  }

  @Test
  void anOverrideGoesBeforeEverySkip() {
    assertThat(
        kept("q8_0", ".gguf", SkipList.of(List.of("output.*"), true), "output\\..*=q4_0",
            ".*_norm.*=f16"))
        .isEmpty();
  }
}
