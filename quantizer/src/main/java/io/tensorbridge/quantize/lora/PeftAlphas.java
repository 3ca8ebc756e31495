package io.tensorbridge.quantize.lora;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/** The ranks and alphas of modules as PEFT's config tells them: the commonest, and the others. */
final class PeftAlphas {
  private PeftAlphas() {}

  /** The alpha that, divided by the rank, gives the ratio of the module. */
  static double plainAlpha(LoraModule module) {
    return module.rankStabilized() ? module.ratio() * module.rank() : module.alpha();
  }

  /** The config of an adapter of one model. */
  static byte[] config(Map<LoraModule, ModuleName> modules) {
    double rank = commonest(modules, LoraModule::rank);
    double alpha = commonest(modules, PeftAlphas::plainAlpha);
    boolean dora = modules.keySet().stream().allMatch(module -> module.magnitude().isPresent());
    Set<String> targets = new TreeSet<>();
    modules.values().forEach(name -> targets.add(name.path()));
    return new AdapterConfig(
        Optional.of(alpha),
        Optional.of(rank),
        others(modules, PeftAlphas::plainAlpha, alpha),
        others(modules, LoraModule::rank, rank),
        false,
        dora)
        .toJson(targets);
  }

  private static double commonest(
      Map<LoraModule, ModuleName> modules, ToDoubleFunction<LoraModule> value) {
    Map<Double, Integer> counts = new LinkedHashMap<>();
    modules.keySet().forEach(module -> counts.merge(value.applyAsDouble(module), 1, Integer::sum));
    return Collections.max(counts.entrySet(), Map.Entry.comparingByValue()).getKey();
  }

  private static Map<String, Double> others(
      Map<LoraModule, ModuleName> modules, ToDoubleFunction<LoraModule> value, double common) {
    Map<String, Double> others = new LinkedHashMap<>();
    modules.forEach(
        (module, name) -> {
          if (value.applyAsDouble(module) != common) {
            others.put(name.path(), value.applyAsDouble(module));
          }
        });
    return others;
  }
}
