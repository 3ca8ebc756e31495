package io.tensorbridge.quantize.extract;

import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names of tensors of UNets and ControlNets in diffusers, as the original Stable Diffusion
 * checkpoints (LDM) have them; for UNets with two residual blocks in each level, as SD 1, SD 2 and
 * SDXL have.
 *
 * <p>The rule is that of diffusers' {@code convert_ldm_unet_checkpoint}, backwards: residual block
 * {@code B} of level {@code L} is {@code input_blocks.(1 + 3L + B).0}, its attention {@code .1}, the
 * downsampler of the level {@code input_blocks.(3 + 3L).0.op}.
 */
final class OriginalNames {
  private static final int BLOCKS = 3;

  private static final List<String> WRAPPINGS =
      List.of(
          "model.diffusion_model.", "diffusion_model.", "control_model.", "unet.", "controlnet.");

  private static final Map<String, String> TOP =
      Map.of(
          "time_embedding.linear_1", "time_embed.0",
          "time_embedding.linear_2", "time_embed.2",
          "add_embedding.linear_1", "label_emb.0.0",
          "add_embedding.linear_2", "label_emb.0.2",
          "conv_in", "input_blocks.0.0",
          "controlnet_mid_block", "middle_block_out.0",
          "controlnet_cond_embedding.conv_in", "input_hint_block.0",
          "controlnet_cond_embedding.conv_out", "input_hint_block.14");

  private static final Map<String, String> RESIDUAL =
      Map.of(
          "norm1", "in_layers.0",
          "conv1", "in_layers.2",
          "norm2", "out_layers.0",
          "conv2", "out_layers.3",
          "time_emb_proj", "emb_layers.1",
          "conv_shortcut", "skip_connection");

  private static final Pattern DOWN =
      Pattern.compile("down_blocks\\.(\\d)\\.(resnets|attentions|downsamplers)\\.(\\d)\\.(.+)");

  private static final Pattern MIDDLE =
      Pattern.compile("mid_block\\.(resnets|attentions)\\.(\\d)\\.(.+)");

  private static final Pattern ZERO = Pattern.compile("controlnet_down_blocks\\.(\\d+)");

  private static final Pattern HINT =
      Pattern.compile("controlnet_cond_embedding\\.blocks\\.(\\d+)");

  private OriginalNames() {}

  /** The name of a tensor, without what files put before it; itself if it is no name of diffusers. */
  static String of(String name) {
    String bare = name;
    for (String wrapping : WRAPPINGS) {
      if (name.startsWith(wrapping)) {
        bare = name.substring(wrapping.length());
        break;
      }
    }
    int dot = bare.lastIndexOf('.');
    return dot < 0 ? bare : layer(bare.substring(0, dot)) + bare.substring(dot);
  }

  private static String layer(String layer) {
    String top = TOP.get(layer);
    if (top != null) {
      return top;
    }
    Matcher down = DOWN.matcher(layer);
    if (down.matches()) {
      return down(down);
    }
    Matcher middle = MIDDLE.matcher(layer);
    if (middle.matches()) {
      return middle.group(1).equals("resnets")
          ? "middle_block." + 2 * Integer.parseInt(middle.group(2)) + "."
              + residual(middle.group(3))
          : "middle_block.1." + middle.group(3);
    }
    Matcher zero = ZERO.matcher(layer);
    if (zero.matches()) {
      return "zero_convs." + zero.group(1) + ".0";
    }
    Matcher hint = HINT.matcher(layer);
    return hint.matches()
        ? "input_hint_block." + 2 * (1 + Integer.parseInt(hint.group(1)))
        : layer;
  }

  private static String down(Matcher down) {
    int first = 1 + BLOCKS * Integer.parseInt(down.group(1));
    int block = Integer.parseInt(down.group(3));
    String rest = down.group(4);
    return switch (down.group(2)) {
      case "resnets" -> "input_blocks." + (first + block) + ".0." + residual(rest);
      case "attentions" -> "input_blocks." + (first + block) + ".1." + rest;
      default -> "input_blocks." + (first + 2) + ".0." + (rest.equals("conv") ? "op" : rest);
    };
  }

  private static String residual(String rest) {
    return RESIDUAL.getOrDefault(rest, rest);
  }
}
