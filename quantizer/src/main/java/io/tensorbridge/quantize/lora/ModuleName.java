package io.tensorbridge.quantize.lora;

import java.util.List;
import java.util.Optional;

/**
 * The name of a layer, in an adapter or in a base model, without the prefixes that tools put before
 * it.
 *
 * @param component the part of a pipeline that holds the layer
 * @param path the layer within the component, as written
 */
record ModuleName(Component component, String path) {
  /** The parts of a diffusion pipeline that adapters change. */
  enum Component {
    /** The UNet or transformer. */
    DENOISER,
    TEXT_ENCODER,
    /** The second text encoder of SDXL. */
    TEXT_ENCODER_2,
    /** The name does not tell: a file that holds one component, or a language model. */
    UNTOLD
  }

  /** What a name begins with, and what that tells. */
  private record Prefix(String text, Component component) {}

  private static final String WEIGHT = ".weight";
  private static final String PEFT = "base_model.model.";

  /** The longer ones before those they begin with. */
  private static final List<Prefix> FLAT =
      List.of(
          new Prefix("lora_unet_", Component.DENOISER),
          new Prefix("lora_transformer_", Component.DENOISER),
          new Prefix("lora_te1_", Component.TEXT_ENCODER),
          new Prefix("lora_te2_", Component.TEXT_ENCODER_2),
          new Prefix("lora_te_", Component.TEXT_ENCODER));

  private static final List<Prefix> DOTTED =
      List.of(
          new Prefix("model.diffusion_model.", Component.DENOISER),
          new Prefix("diffusion_model.", Component.DENOISER),
          new Prefix("unet.", Component.DENOISER),
          new Prefix("transformer.", Component.DENOISER),
          new Prefix("control_model.", Component.UNTOLD),
          new Prefix("cond_stage_model.transformer.", Component.TEXT_ENCODER),
          new Prefix("conditioner.embedders.0.transformer.", Component.TEXT_ENCODER),
          new Prefix("text_encoder.", Component.TEXT_ENCODER),
          new Prefix("conditioner.embedders.1.transformer.", Component.TEXT_ENCODER_2),
          new Prefix("text_encoder_2.", Component.TEXT_ENCODER_2));

  /** The layer that a module of an adapter names, kohya's way or PEFT's. */
  static ModuleName ofModule(String name) {
    for (Prefix prefix : FLAT) {
      if (name.startsWith(prefix.text)) {
        return new ModuleName(prefix.component, name.substring(prefix.text.length()));
      }
    }
    return dotted(name.startsWith(PEFT) ? name.substring(PEFT.length()) : name);
  }

  /** The layer whose weight a tensor of a base model is; empty if it is no weight. */
  static Optional<ModuleName> ofTensor(String name) {
    return name.endsWith(WEIGHT)
        ? Optional.of(dotted(name.substring(0, name.length() - WEIGHT.length())))
        : Optional.empty();
  }

  private static ModuleName dotted(String name) {
    for (Prefix prefix : DOTTED) {
      if (name.startsWith(prefix.text)) {
        return new ModuleName(prefix.component, name.substring(prefix.text.length()));
      }
    }
    return new ModuleName(Component.UNTOLD, name);
  }

  /** Whether the path has lost its dots, or never had any. */
  boolean isFlat() {
    return path.indexOf('.') < 0;
  }

  /** The path as kohya writes it, with underscores for dots. */
  String flatPath() {
    return path.replace('.', '_');
  }

  /** What the names of one layer have in common, whoever wrote them: flat, as diffusers has it. */
  String key() {
    return LdmNames.toDiffusers(flatPath());
  }

  /** The name of the module as kohya writes it. */
  String kohya() {
    String prefix = switch (component) {
      case DENOISER -> "lora_unet_";
      case TEXT_ENCODER -> "lora_te1_";
      case TEXT_ENCODER_2 -> "lora_te2_";
      case UNTOLD -> path.startsWith("text_model") ? "lora_te_" : "lora_unet_";
    };
    return prefix + flatPath();
  }

  /** The name of the module as diffusers writes a pipeline's adapter. */
  String ofPipeline() {
    return switch (component) {
      case DENOISER -> "unet." + path;
      case TEXT_ENCODER -> "text_encoder." + path;
      case TEXT_ENCODER_2 -> "text_encoder_2." + path;
      case UNTOLD -> PEFT + path;
    };
  }

  /** The name of the module as PEFT writes the adapter of one model. */
  String ofModel() {
    return PEFT + path;
  }
}
