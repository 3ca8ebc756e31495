package io.tensorbridge.quantize.lora;

import io.tensorbridge.Shape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Some adapters with their strengths, matched to a base model; immutable and thread-safe. */
public final class LoraMerge {
  /** Nothing is merged. */
  public static final LoraMerge NONE = new LoraMerge(Map.of(), List.of());

  private final Map<String, LoraDelta> deltas;
  private final List<String> unmatched;

  private LoraMerge(Map<String, LoraDelta> deltas, List<String> unmatched) {
    this.deltas = deltas;
    this.unmatched = List.copyOf(unmatched);
  }

  /**
   * Matches adapters to a model.
   *
   * @param adapters in the order in which they are merged; one of strength 0 changes nothing
   * @param base the shapes of the model's tensors, by name
   * @param allowUnmatched whether modules that fit no tensor are left out
   * @return the merge
   * @throws io.tensorbridge.TensorException as {@link MatchedAdapter#of} does
   */
  public static LoraMerge of(
      List<ScaledAdapter> adapters, Map<String, Shape> base, boolean allowUnmatched) {
    return of(
        adapters.stream()
            .map(
                scaled -> new AppliedAdapter(
                    MatchedAdapter.of(scaled.adapter(), base, allowUnmatched), scaled.scale()))
            .toList());
  }

  /**
   * Merges adapters that are matched already.
   *
   * @param adapters in the order in which they are merged
   * @return the merge
   */
  public static LoraMerge of(List<AppliedAdapter> adapters) {
    Map<String, List<LoraStage.Part>> parts = new LinkedHashMap<>();
    List<String> unmatched = new ArrayList<>();
    for (AppliedAdapter applied : adapters) {
      unmatched.addAll(applied.adapter().unmatched());
      if (applied.scale() != 0) {
        applied.adapter().modules().forEach(
            (tensor, module) -> parts
                .computeIfAbsent(tensor, _ -> new ArrayList<>())
                .add(new LoraStage.Part(module.factors(), applied.scale() * module.ratio())));
      }
    }
    Map<String, LoraDelta> deltas = new LinkedHashMap<>();
    parts.forEach((tensor, of) -> deltas.put(tensor, new LoraDelta(of, Arena.ofAuto())));
    return new LoraMerge(deltas, unmatched);
  }

  /**
   * What is done to a tensor.
   *
   * @param tensor its name in the base model
   * @return empty if it stays as it is
   */
  public Optional<LoraDelta> delta(String tensor) {
    return Optional.ofNullable(deltas.get(tensor));
  }

  /**
   * The tensors that change.
   *
   * @return their names in the base model
   */
  public Set<String> tensors() {
    return Set.copyOf(deltas.keySet());
  }

  /**
   * The modules that were left out.
   *
   * @return a line for each, with its adapter, its name and the reason
   */
  public List<String> unmatched() {
    return unmatched;
  }
}
