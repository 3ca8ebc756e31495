package io.tensorbridge.quantize.lora;

import io.tensorbridge.FormatException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * What a table of modules, {@code *.lora.arrow}, calls an adapter's modules, and tells of all of them
 * together: one alpha and one rank.
 */
final class TableNames {
  private static final String RULE = "what a row for each LoRA module can hold";

  private final Path target;

  TableNames(Path target) {
    this.target = target;
  }

  /**
   * The name of a row: that of the layer; behind its component where it could be of another one.
   *
   * @param pipeline whether the adapter is for several components
   */
  static String row(ModuleName name, boolean pipeline) {
    return switch (name.component()) {
      case DENOISER -> pipeline ? name.ofPipeline() : name.path();
      case TEXT_ENCODER, TEXT_ENCODER_2 -> name.ofPipeline();
      case UNTOLD -> name.path();
    };
  }

  /** A table has no column for the magnitudes of a DoRA. */
  void requireHeld(LoraModule module) {
    if (module.magnitude().isPresent()) {
      throw refused(
          "the module \"" + module.name() + "\" is a DoRA, and a table of LoRA modules has"
              + " no column for its magnitudes");
    }
  }

  /**
   * The metadata, in the order in which the first Tensorbridge had them.
   *
   * @throws FormatException if neither one alpha nor their ranks are the alphas of all modules
   */
  Map<String, String> metadata(Map<LoraModule, ModuleName> modules) {
    Map<String, String> metadata = new LinkedHashMap<>();
    String file = String.valueOf(target.getFileName());
    metadata.put("lora_name", file.substring(0, file.length() - LoraFormat.TABLE_ENDING.length()));
    if (modules.isEmpty()) {
      return metadata;
    }
    LoraModule first = modules.keySet().iterator().next();
    if (modules.keySet().stream().allMatch(module -> module.rank() == first.rank())) {
      metadata.put("lora_rank", Integer.toString(first.rank()));
    }
    boolean ofRank =
        modules.keySet().stream()
            .allMatch(module -> PeftAlphas.plainAlpha(module) == module.rank());
    if (!ofRank || metadata.containsKey("lora_rank")) {
      metadata.put("lora_alpha", Double.toString(oneAlpha(modules.keySet(), first)));
    }
    Set<String> targets = new LinkedHashSet<>();
    modules.values().forEach(
        name -> targets.add(name.path().substring(name.path().lastIndexOf('.') + 1)));
    metadata.put("target_modules", String.join(",", targets));
    return metadata;
  }

  private double oneAlpha(Set<LoraModule> modules, LoraModule first) {
    double alpha = PeftAlphas.plainAlpha(first);
    for (LoraModule module : modules) {
      double other = PeftAlphas.plainAlpha(module);
      if (other != alpha) {
        throw refused("the module \"" + module.name() + "\" has the alpha " + other + " (rank "
            + module.rank() + "), and \"" + first.name() + "\" has " + alpha + " (rank "
            + first.rank()
            + "); a table of LoRA modules tells one alpha of all, or none where it is"
            + " the rank of each");
      }
    }
    return alpha;
  }

  private FormatException refused(String what) {
    return new FormatException(target + ": " + what + "; write .safetensors", -1, RULE);
  }
}
