package io.tensorbridge.quantize.lora;

import io.tensorbridge.Shape;
import io.tensorbridge.quantize.lora.BaseLayers.Layer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a module of an adapter changes in a base model.
 *
 * @param module the module
 * @param tensor the name of the weight; empty if there is none that it fits
 * @param reason why there is none, with the nearest candidates; empty if there is one
 */
public record LoraMatch(LoraModule module, Optional<String> tensor, String reason) {
  /**
   * Looks for the weights that an adapter changes. Dots and underscores are the same, prefixes of
   * tools and components are understood, and the names of original Stable Diffusion checkpoints are
   * those of diffusers.
   *
   * @param adapter the adapter
   * @param base the shapes of the base model's tensors, by name
   * @return a match for each module, in their order
   */
  public static List<LoraMatch> of(LoraAdapter adapter, Map<String, Shape> base) {
    BaseLayers layers = new BaseLayers(base);
    Map<String, String> taken = new HashMap<>();
    List<LoraMatch> matches = new ArrayList<>(adapter.modules().size());
    for (LoraModule module : adapter.modules()) {
      LoraMatch match = of(module, layers);
      if (match.tensor.isPresent()) {
        String tensor = match.tensor.get();
        String other = taken.putIfAbsent(tensor, module.name());
        match = other == null
            ? match
            : none(module, "means " + tensor + ", as \"" + other + "\" does");
      }
      matches.add(match);
    }
    return List.copyOf(matches);
  }

  private static LoraMatch of(LoraModule module, BaseLayers layers) {
    ModuleName name = ModuleName.ofModule(module.name());
    List<Layer> found = layers.find(name);
    if (found.isEmpty()) {
      List<String> near = layers.nearest(name);
      return none(
          module,
          near.isEmpty()
              ? "matches nothing: the model has no weights of two dimensions"
              : "matches no tensor; the nearest are " + String.join(", ", near));
    }
    if (found.size() > 1) {
      List<String> tensors = found.stream().map(Layer::tensor).toList();
      return none(module, "may mean each of " + String.join(", ", tensors));
    }
    Layer layer = found.getFirst();
    Shape matrix = layer.shape().flattenedToMatrix();
    if (matrix.dimension(0) != module.rows() || matrix.rowLength() != module.columns()) {
      return none(
          module,
          "adds " + module.deltaShape() + " to " + layer.tensor() + ", which has the shape "
              + layer.shape());
    }
    return new LoraMatch(module, Optional.of(layer.tensor()), "");
  }

  private static LoraMatch none(LoraModule module, String reason) {
    return new LoraMatch(module, Optional.empty(), reason);
  }
}
