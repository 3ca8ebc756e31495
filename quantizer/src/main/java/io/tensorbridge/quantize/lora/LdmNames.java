package io.tensorbridge.quantize.lora;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names of a UNet's layers in the original Stable Diffusion checkpoints (LDM), translated to
 * those of diffusers; both flat, with underscores for dots.
 *
 * <p>The rule is that of diffusers' conversion scripts ({@code convert_diffusers_to_original_*}),
 * for UNets with two residual blocks in each level, as SD 1, SD 2 and SDXL have: {@code
 * input_blocks.N} is residual block {@code (N-1) % 3} of level {@code (N-1) / 3}, or its downsampler
 * at 2; {@code output_blocks.N} is block {@code N % 3} of level {@code N / 3}, whose upsampler comes
 * behind the attention, if there is any.
 */
final class LdmNames {
  private static final int BLOCKS = 3;

  private static final Pattern BLOCK =
      Pattern.compile("(input|output)_blocks_(\\d{1,3})_(\\d)_(.+)");
  private static final Pattern MIDDLE = Pattern.compile("middle_block_([012])_(.+)");

  private static final Map<String, String> TOP =
      Map.of(
          "time_embed_0", "time_embedding_linear_1",
          "time_embed_2", "time_embedding_linear_2",
          "label_emb_0_0", "add_embedding_linear_1",
          "label_emb_0_2", "add_embedding_linear_2",
          "input_blocks_0_0", "conv_in",
          "out_0", "conv_norm_out",
          "out_2", "conv_out");

  private static final Map<String, String> RESIDUAL =
      Map.of(
          "in_layers_0", "norm1",
          "in_layers_2", "conv1",
          "out_layers_0", "norm2",
          "out_layers_3", "conv2",
          "emb_layers_1", "time_emb_proj",
          "skip_connection", "conv_shortcut");

  private LdmNames() {}

  /** The name in diffusers; the name itself if it is none of LDM's. */
  static String toDiffusers(String flat) {
    String top = TOP.get(flat);
    if (top != null) {
      return top;
    }
    Matcher block = BLOCK.matcher(flat);
    if (block.matches()) {
      int number = Integer.parseInt(block.group(2));
      int slot = Integer.parseInt(block.group(3));
      return block.group(1).equals("input")
          ? input(flat, number, slot, block.group(4))
          : output(number, slot, block.group(4));
    }
    Matcher middle = MIDDLE.matcher(flat);
    return middle.matches() ? middle(Integer.parseInt(middle.group(1)), middle.group(2)) : flat;
  }

  private static String input(String flat, int number, int slot, String rest) {
    if (number == 0) {
      return flat;
    }
    int block = (number - 1) % BLOCKS;
    String level = "down_blocks_" + (number - 1) / BLOCKS;
    return block == 2
        ? level + "_downsamplers_0_" + (rest.equals("op") ? "conv" : rest)
        : within(level, block, slot, rest);
  }

  private static String output(int number, int slot, String rest) {
    String level = "up_blocks_" + number / BLOCKS;
    boolean upsampler = slot == 2 || (slot == 1 && rest.equals("conv"));
    return upsampler
        ? level + "_upsamplers_0_" + rest
        : within(level, number % BLOCKS, slot, rest);
  }

  private static String middle(int slot, String rest) {
    return slot == 1
        ? "mid_block_attentions_0_" + rest
        : "mid_block_resnets_" + slot / 2 + "_" + residual(rest);
  }

  private static String within(String level, int block, int slot, String rest) {
    return slot == 0
        ? level + "_resnets_" + block + "_" + residual(rest)
        : level + "_attentions_" + block + "_" + rest;
  }

  private static String residual(String rest) {
    return RESIDUAL.getOrDefault(rest, rest);
  }
}
