package io.tensorbridge.quantize.lora;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An adapter whose modules have found their weights in a base model; immutable and thread-safe. Two
 * are equal only if they are the same object.
 */
public final class MatchedAdapter {
  private static final int LISTED = 4;

  private final LoraAdapter adapter;
  private final Map<String, LoraModule> modules;
  private final List<String> unmatched;

  private MatchedAdapter(
      LoraAdapter adapter, Map<String, LoraModule> modules, List<String> unmatched) {
    this.adapter = adapter;
    this.modules = Collections.unmodifiableMap(modules);
    this.unmatched = List.copyOf(unmatched);
  }

  /**
   * Matches an adapter to a model.
   *
   * @param adapter the adapter
   * @param base the shapes of the model's tensors, by name
   * @param allowUnmatched whether modules that fit no tensor are left out
   * @return the match
   * @throws TensorException {@link ErrorCode#BAD_SHAPE} if a module fits no tensor and that is not
   *     allowed, or none of the adapter does; the message lists the nearest candidates
   */
  public static MatchedAdapter of(
      LoraAdapter adapter, Map<String, Shape> base, boolean allowUnmatched) {
    Map<String, LoraModule> modules = new LinkedHashMap<>();
    List<String> refused = new ArrayList<>();
    for (LoraMatch match : LoraMatch.of(adapter, base)) {
      if (match.tensor().isPresent()) {
        modules.put(match.tensor().get(), match.module());
      } else {
        refused.add("\"" + match.module().name() + "\" " + match.reason());
      }
    }
    if (!refused.isEmpty() && (!allowUnmatched || modules.isEmpty())) {
      throw refusal(adapter, refused);
    }
    List<String> unmatched = new ArrayList<>();
    refused.forEach(reason -> unmatched.add(adapter.path() + ": " + reason));
    return new MatchedAdapter(adapter, modules, unmatched);
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
   * The adapter.
   *
   * @return as given
   */
  public LoraAdapter adapter() {
    return adapter;
  }

  /**
   * What changes which weight.
   *
   * @return the module for each tensor of the base model that has one, in the adapter's order
   */
  public Map<String, LoraModule> modules() {
    return modules;
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
