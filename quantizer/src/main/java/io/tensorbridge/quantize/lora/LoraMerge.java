package io.tensorbridge.quantize.lora;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
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

  private static final int LISTED = 4;

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
   * @throws TensorException {@link ErrorCode#BAD_SHAPE} if a module fits no tensor and that is not
   *     allowed, or none of an adapter does; the message lists the nearest candidates
   */
  public static LoraMerge of(
      List<ScaledAdapter> adapters, Map<String, Shape> base, boolean allowUnmatched) {
    Map<String, List<LoraStage.Part>> parts = new LinkedHashMap<>();
    List<String> unmatched = new ArrayList<>();
    for (ScaledAdapter scaled : adapters) {
      for (LoraMatch match : matched(scaled.adapter(), base, allowUnmatched, unmatched)) {
        if (scaled.scale() != 0) {
          LoraModule module = match.module();
          parts
              .computeIfAbsent(match.tensor().orElseThrow(), _ -> new ArrayList<>())
              .add(new LoraStage.Part(module, scaled.scale() * module.ratio()));
        }
      }
    }
    Map<String, LoraDelta> deltas = new LinkedHashMap<>();
    parts.forEach((tensor, of) -> deltas.put(tensor, new LoraDelta(of)));
    return new LoraMerge(deltas, unmatched);
  }

  private static List<LoraMatch> matched(
      LoraAdapter adapter,
      Map<String, Shape> base,
      boolean allowUnmatched,
      List<String> unmatched) {
    List<LoraMatch> found = new ArrayList<>();
    List<String> refused = new ArrayList<>();
    for (LoraMatch match : LoraMatch.of(adapter, base)) {
      if (match.tensor().isPresent()) {
        found.add(match);
      } else {
        refused.add("\"" + match.module().name() + "\" " + match.reason());
      }
    }
    if (!refused.isEmpty() && (!allowUnmatched || found.isEmpty())) {
      throw refusal(adapter, refused);
    }
    refused.forEach(reason -> unmatched.add(adapter.path() + ": " + reason));
    return found;
  }

  private static TensorException refusal(LoraAdapter adapter, List<String> refused) {
    int count = adapter.modules().size();
    StringBuilder text = new StringBuilder();
    text.append(adapter.path()).append(": ").append(refused.size()).append(" of ").append(count);
    text.append(" modules don't fit the model:");
    for (String reason : refused.subList(0, Math.min(LISTED, refused.size()))) {
      text.append("\n  ").append(reason);
    }
    if (refused.size() > LISTED) {
      text.append("\n  and ").append(refused.size() - LISTED).append(" more");
    }
    text.append(
        refused.size() == count
            ? "\nis it an adapter of another model?"
            : "\nmerge without them by --allow-unmatched, or take the model that it was made for");
    return new TensorException(ErrorCode.BAD_SHAPE, text.toString());
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
