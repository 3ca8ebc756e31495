package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.quantize.BlockScheme;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.NamePattern;
import io.tensorbridge.quantize.QuantScheme;
import java.util.ArrayList;
import java.util.List;

/**
 * Tensors that stay as they are: those of the user's expressions, and by default those that the usual
 * tools keep, too.
 *
 * @param names expressions for whole names; they concern tensors of any rank
 * @param defaults whether the default lists count, for tensors of two or more dimensions
 */
public record SkipList(List<NamePattern> names, boolean defaults) {
  /** The default lists and no expression. */
  public static final SkipList DEFAULT = new SkipList(List.of(), true);

  /**
   * What llama.cpp never quantizes ({@code llama-quant.cpp}, {@code tensor_allows_quantization},
   * 2026): names that contain one of these. Kept under ggml block types and all other schemes.
   */
  public static final List<String> KEPT_BY_LLAMA_CPP =
      List.of(
          "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel",
          "per_layer_model_proj", "position_embd", "token_types.weight", "ssm_conv1d",
          "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight",
          "time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight",
          "time_mix_w2.weight", "time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight",
          "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight", "time_mix_g1.weight",
          "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight",
          "time_mix_lerp_fused.weight", "attn_rel_b.weight", "sam.pos_embd", "sam.neck.",
          "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger", "a.rvq.codebook",
          "mm.a.code_embd");

  /**
   * Embeddings and heads as transformers names them, which its quantizers leave alone (bitsandbytes,
   * compressed-tensors, GPTQ: linear layers only, without the head). Kept under all schemes but
   * ggml's: llama.cpp quantizes its token embedding and output.
   */
  public static final List<String> KEPT_BY_LIBRARIES =
      List.of(
          "lm_head.", "embed_out.", "embed_tokens.", "embed_positions.", "word_embeddings.",
          "position_embeddings.", "token_type_embeddings.", "token_embedding.",
          "position_embedding.", "wte.weight", "wpe.weight", "relative_attention_bias.");

  /** T5's embedding has this whole name; others only end like it. */
  private static final String T5_EMBEDDING = "shared.weight";

  /** Keeps its own list. */
  public SkipList {
    names = List.copyOf(names);
  }

  /**
   * A list of expressions.
   *
   * @param expressions regular expressions for whole names
   * @param defaults whether the default lists count as well
   * @return the list
   * @throws OptionException if an expression is malformed or too large
   */
  public static SkipList of(List<String> expressions, boolean defaults) {
    List<NamePattern> names = new ArrayList<>(expressions.size());
    for (String expression : expressions) {
      try {
        names.add(NamePattern.of(expression));
      } catch (IllegalArgumentException malformed) {
        throw new OptionException(
            ErrorCode.BAD_OPTION, "skip", "\"" + expression + "\" " + malformed.getMessage());
      }
    }
    return new SkipList(names, defaults);
  }

  /** Why an expression keeps a tensor, or nothing. */
  String reason(String name) {
    for (NamePattern pattern : names) {
      if (pattern.matches(name)) {
        return "kept by --skip " + pattern;
      }
    }
    return "";
  }

  /** Why a default keeps a tensor of two or more dimensions from a scheme, or nothing. */
  String defaultReason(String name, QuantScheme scheme) {
    if (!defaults || scheme instanceof FloatScheme) {
      return "";
    }
    String reason = reason(name, KEPT_BY_LLAMA_CPP);
    return reason.isEmpty() && !(scheme instanceof BlockScheme) ? libraryReason(name) : reason;
  }

  private static String libraryReason(String name) {
    return name.equals(T5_EMBEDDING)
        ? "kept by default: the name is " + T5_EMBEDDING
        : reason(name, KEPT_BY_LIBRARIES);
  }

  private static String reason(String name, List<String> parts) {
    for (String part : parts) {
      if (name.contains(part)) {
        return "kept by default: the name contains " + part;
      }
    }
    return "";
  }
}
