package io.tensorbridge.quantize.lora;

import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorNames;
import io.tensorbridge.quantize.lora.ModuleName.Component;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The weights of a base model, by the names that modules of adapters give them.
 *
 * <p>Names are compared by their {@linkplain ModuleName#key() keys}. Layers of the component that the
 * module names come first, then those of a base that tells no components; a module that tells none
 * may mean any.
 */
final class BaseLayers {
  /** A weight of two or more dimensions. */
  record Layer(String tensor, ModuleName name, Shape shape) {}

  private final Map<String, List<Layer>> layers = new HashMap<>();
  private final Map<String, String> tensors = new LinkedHashMap<>();

  /** The weights among some tensors, given by name. */
  BaseLayers(Map<String, Shape> base) {
    base.forEach(
        (tensor, shape) -> {
          if (shape.rank() >= 2) {
            ModuleName.ofTensor(tensor).ifPresent(name -> add(new Layer(tensor, name, shape)));
          }
        });
  }

  private void add(Layer layer) {
    layers.computeIfAbsent(layer.name.key(), _ -> new ArrayList<>()).add(layer);
    tensors.put(layer.name.key(), layer.tensor);
  }

  /** The layers that a module can mean: none, one, or several by mistake. */
  List<Layer> find(ModuleName module) {
    List<Layer> known = layers.getOrDefault(module.key(), List.of());
    if (module.component() == Component.UNTOLD) {
      return known;
    }
    List<Layer> same = of(known, module.component());
    return same.isEmpty() ? of(known, Component.UNTOLD) : same;
  }

  private static List<Layer> of(List<Layer> layers, Component component) {
    return layers.stream().filter(layer -> layer.name.component() == component).toList();
  }

  /** The tensors whose names are nearest to that of a module that means none. */
  List<String> nearest(ModuleName module) {
    return TensorNames.nearest(module.key(), tensors.keySet()).stream()
        .map(key -> tensors.getOrDefault(key, key))
        .toList();
  }
}
