package io.tensorbridge.quantize.lora;

import io.tensorbridge.Shape;
import io.tensorbridge.quantize.lora.BaseLayers.Layer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Gives the names that kohya flattened their dots back: as a base model has them, or else by the
 * words of UNets and of CLIP's text encoders that hold underscores themselves.
 */
final class FlatNames {
  private static final Pattern KNOWN =
      Pattern.compile(
          "(down_blocks|up_blocks|mid_block|input_blocks|output_blocks|middle_block|text_model"
              + "|time_embedding|add_embedding|time_embed|label_emb|conv_in|conv_out|out)_?.*");

  private static final Set<String> WORDS =
      Set.of(
          "down_blocks", "up_blocks", "mid_block", "transformer_blocks", "to_q", "to_k", "to_v",
          "to_out", "proj_in", "proj_out", "time_emb_proj", "conv_shortcut", "conv_in", "conv_out",
          "conv_norm_out", "time_embedding", "add_embedding", "linear_1", "linear_2",
          "input_blocks", "output_blocks", "middle_block", "in_layers", "out_layers", "emb_layers",
          "skip_connection", "time_embed", "label_emb", "text_model", "self_attn", "q_proj",
          "k_proj", "v_proj", "out_proj", "text_projection");

  private static final int LONGEST_WORD = 3;

  private final BaseLayers base;

  FlatNames(Map<String, Shape> base) {
    this.base = new BaseLayers(base);
  }

  /** The name with its dots; empty if nothing tells where they were. */
  Optional<ModuleName> dotted(ModuleName name) {
    if (!name.isFlat() || name.path().indexOf('_') < 0) {
      return Optional.of(name);
    }
    List<Layer> layers = base.find(name);
    if (layers.size() == 1) {
      return Optional.of(new ModuleName(name.component(), layers.getFirst().name().path()));
    }
    return KNOWN.matcher(name.path()).matches()
        ? Optional.of(new ModuleName(name.component(), join(name.path().split("_", -1))))
        : Optional.empty();
  }

  private static String join(String[] tokens) {
    List<String> words = new ArrayList<>();
    for (int at = 0; at < tokens.length;) {
      int length = wordLength(tokens, at);
      words.add(String.join("_", List.of(tokens).subList(at, at + length)));
      at += length;
    }
    return String.join(".", words);
  }

  private static int wordLength(String[] tokens, int at) {
    for (int length = Math.min(LONGEST_WORD, tokens.length - at); length > 1; length--) {
      if (WORDS.contains(String.join("_", List.of(tokens).subList(at, at + length)))) {
        return length;
      }
    }
    return 1;
  }
}
