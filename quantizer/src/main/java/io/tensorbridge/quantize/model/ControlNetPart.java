package io.tensorbridge.quantize.model;

import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * A part of a ControlNet that a small error in changes much, or that is too small to save anything;
 * told by the names of diffusers (SD, SDXL, ControlNet++, Flux, SD3) and of the original files.
 */
public enum ControlNetPart {
  /**
   * A convolution or linear layer that was zero before training: what it gives is added to the UNet.
   */
  ZERO_CONVOLUTION("zero convolution"),
  /** What turns the hint image into features. */
  HINT_BLOCK("hint block"),
  /** The embedding of the timestep, and of Flux' guidance. */
  TIME_EMBEDDING("time embedding"),
  /** The embedding of a class, of SDXL's sizes and text, or of the kind of control. */
  LABEL_EMBEDDING("label embedding");

  /** A part, and what the names of its tensors begin with. */
  private record Prefix(String text, ControlNetPart part) {}

  /** What files of several models, or of pipelines, put before the names. */
  private static final List<String> WRAPPINGS = List.of("control_model.", "controlnet.");

  /** Only ControlNets have these. */
  private static final List<Prefix> TELLING =
      List.of(
          new Prefix("controlnet_down_blocks.", ZERO_CONVOLUTION),
          new Prefix("controlnet_mid_block.", ZERO_CONVOLUTION),
          new Prefix("controlnet_blocks.", ZERO_CONVOLUTION),
          new Prefix("controlnet_single_blocks.", ZERO_CONVOLUTION),
          new Prefix("zero_convs.", ZERO_CONVOLUTION),
          new Prefix("middle_block_out.", ZERO_CONVOLUTION),
          new Prefix("spatial_ch_projs.", ZERO_CONVOLUTION),
          new Prefix("controlnet_cond_embedding.", HINT_BLOCK),
          new Prefix("controlnet_x_embedder.", HINT_BLOCK),
          new Prefix("input_hint_block.", HINT_BLOCK),
          new Prefix("controlnet_mode_embedder.", LABEL_EMBEDDING),
          new Prefix("control_add_embedding.", LABEL_EMBEDDING));

  /** Other models have these, too. */
  private static final List<Prefix> OTHERS =
      List.of(
          new Prefix("pos_embed_input.", HINT_BLOCK),
          new Prefix("time_embedding.", TIME_EMBEDDING),
          new Prefix("time_embed.", TIME_EMBEDDING),
          new Prefix("time_text_embed.timestep_embedder.", TIME_EMBEDDING),
          new Prefix("time_text_embed.guidance_embedder.", TIME_EMBEDDING),
          new Prefix("time_text_embed.text_embedder.", LABEL_EMBEDDING),
          new Prefix("class_embedding.", LABEL_EMBEDDING),
          new Prefix("add_embedding.", LABEL_EMBEDDING),
          new Prefix("label_emb.", LABEL_EMBEDDING),
          new Prefix("task_embedding", LABEL_EMBEDDING));

  private final String text;

  ControlNetPart(String text) {
    this.text = text;
  }

  /**
   * Whether a file holds a ControlNet.
   *
   * @param names of its tensors
   * @return true if one of them is only in ControlNets
   */
  public static boolean recognisedIn(Collection<String> names) {
    return names.stream().anyMatch(name -> find(TELLING, unwrapped(name)).isPresent());
  }

  /**
   * The part that a tensor belongs to, if its file holds a ControlNet.
   *
   * @param name of the tensor
   * @return empty for the copy of the UNet's encoder
   */
  public static Optional<ControlNetPart> of(String name) {
    String bare = unwrapped(name);
    return find(TELLING, bare).or(() -> find(OTHERS, bare));
  }

  private static String unwrapped(String name) {
    for (String wrapping : WRAPPINGS) {
      if (name.startsWith(wrapping)) {
        return name.substring(wrapping.length());
      }
    }
    return name;
  }

  private static Optional<ControlNetPart> find(List<Prefix> prefixes, String name) {
    return prefixes.stream()
        .filter(prefix -> name.startsWith(prefix.text))
        .map(Prefix::part)
        .findFirst();
  }

  /** What it is, in words. */
  @Override
  public String toString() {
    return text;
  }
}
