package io.tensorbridge.quantize.lora;

import static io.tensorbridge.quantize.lora.AdapterFiles.FORMATS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LoraConversionTest {
  @TempDir
  private Path directory;

  private LoraAdapter convert(LoraAdapter adapter, String name, LoraFormat to) {
    Path target = directory.resolve(name);
    LoraConversion.write(FORMATS, adapter, target, to, Map.of());
    return LoraAdapter.read(FORMATS, target);
  }

  private static LoraAdapter golden(String name) {
    return LoraAdapter.read(FORMATS, AdapterFiles.resource(name));
  }

  private static void requireSame(LoraAdapter found, LoraAdapter expected, boolean mid) {
    assertThat(found.modules()).hasSameSizeAs(expected.modules());
    for (LoraModule module : expected.modules()) {
      LoraModule same =
          found.modules().stream()
              .filter(
                  other -> ModuleName.ofModule(other.name()).key()
                      .equals(ModuleName.ofModule(module.name()).key()))
              .findFirst()
              .orElseThrow();
      assertThat(same.ratio()).isEqualTo(module.ratio());
      assertThat(same.dtype()).isEqualTo(module.dtype());
      requireSame(same.up(), module.up());
      if (mid || module.mid().isEmpty()) {
        requireSame(same.down(), module.down());
      }
      assertThat(same.deltaShape()).isEqualTo(module.deltaShape());
      assertThat(same.magnitude().isPresent()).isEqualTo(module.magnitude().isPresent());
    }
  }

  private static void requireSame(Tensor found, Tensor expected) {
    assertThat(found.shape()).isEqualTo(expected.shape());
    assertThat(found.segment().mismatch(expected.segment())).isEqualTo(-1);
  }

  @Test
  void keepsValuesAlphasAndDtypesFromKohyaToPeftAndBack() {
    LoraAdapter kohya = golden("kohya.safetensors");
    LoraAdapter peft = convert(kohya, "adapter_model.safetensors", LoraFormat.PEFT);
    LoraAdapter back = convert(peft, "back.safetensors", LoraFormat.KOHYA);

    assertThat(peft.modules()).extracting(LoraModule::name).contains(
        "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q");
    assertThat(directory.resolve("adapter_config.json")).exists();
    assertThat(back.modules()).extracting(LoraModule::name)
        .containsExactlyInAnyOrderElementsOf(
            kohya.modules().stream().map(LoraModule::name).toList());
    requireSame(peft, kohya, false);
    requireSame(back, kohya, false);
    requireSame(convert(kohya, "again.safetensors", LoraFormat.KOHYA), kohya, true);
  }

  @Test
  void keepsMagnitudesOfADora() {
    LoraAdapter dora = golden("dora.safetensors");

    LoraAdapter kohya = convert(dora, "kohya.safetensors", LoraFormat.KOHYA);
    requireSame(kohya, dora, true);
    requireSame(convert(kohya, "peft.safetensors", LoraFormat.PEFT), dora, true);
  }

  @Test
  void writesThePartsOfAPipelineWithTheirAlphas() {
    LoraAdapter both = LoraAdapter.read(
        FORMATS,
        new AdapterFiles()
            .kohya("lora_unet_mid_block_attentions_0_proj_in", 2, 8, 6)
            .kohya("lora_te2_text_model_encoder_layers_0_self_attn_q_proj", 4, 8, 6)
            .tensor("lora_te2_text_model_encoder_layers_0_self_attn_q_proj.alpha", 1f)
            .write(directory.resolve("both.safetensors")));

    LoraAdapter peft = convert(both, "peft.safetensors", LoraFormat.PEFT);

    assertThat(peft.modules()).extracting(LoraModule::name).containsExactlyInAnyOrder(
        "unet.mid_block.attentions.0.proj_in",
        "text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj");
    assertThat(directory.resolve("adapter_config.json")).doesNotExist();
    requireSame(peft, both, true);
  }

  @Test
  void asksForTheBaseWhereNothingTellsTheDots() {
    LoraAdapter unknown = LoraAdapter.read(
        FORMATS,
        new AdapterFiles()
            .kohya("lora_unet_double_blocks_0_img_attn_proj", 2, 8, 6)
            .write(directory.resolve("flux.safetensors")));

    assertThatThrownBy(() -> convert(unknown, "peft.safetensors", LoraFormat.PEFT))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("--base");
    Path target = directory.resolve("peft.safetensors");
    LoraConversion.write(
        FORMATS, unknown, target, LoraFormat.PEFT,
        Map.of("double_blocks.0.img_attn.proj.weight", Shape.of(8, 6)));
    assertThat(LoraAdapter.read(FORMATS, target).modules())
        .extracting(LoraModule::name)
        .containsExactly("base_model.model.double_blocks.0.img_attn.proj");
  }

  @Test
  void doesNotReplaceTheConfigOfAnotherAdapter() {
    convert(golden("kohya.safetensors"), "one.safetensors", LoraFormat.PEFT);

    assertThatThrownBy(
        () -> convert(golden("dora.safetensors"), "two.safetensors", LoraFormat.PEFT))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("adapter_config.json");
    assertThat(directory.resolve("two.safetensors")).doesNotExist();
  }
}
