package io.tensorbridge.arrow.table;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A row to be written: a tensor and its further parts.
 *
 * @param tensor with a dtype or a scheme as its encoding
 * @param index of its entry among all
 * @param parts the entries behind it that are named {@code NAME.PART}, if it has a scheme
 */
record Layer(TensorEntry tensor, int index, List<Part> parts) {
  static final String SCALES = "scales";
  static final String ZERO_POINTS = "zero_points";

  /**
   * A further part of a tensor.
   *
   * @param name without that of the tensor
   * @param type dtype and shape
   * @param index of its entry among all
   */
  record Part(String name, TensorType type, int index) {
    boolean isParameters() {
      return type.dtype() == DType.F32 && (name.equals(SCALES) || name.equals(ZERO_POINTS));
    }
  }

  /**
   * The rows of a file.
   *
   * @throws FormatException if two entries have one name, or the bytes of one don't match its shape
   */
  static List<Layer> of(Path target, List<TensorEntry> entries) {
    Set<String> names = new HashSet<>();
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < entries.size(); i++) {
      TensorEntry entry = entries.get(i);
      if (!names.add(entry.name())) {
        throw new FormatException(
            target + ": the name \"" + entry.name() + "\" is taken; names must be unique");
      }
      Optional<DType> dtype = entry.dtype();
      if (dtype.isEmpty()) {
        layers.add(new Layer(entry, i, new ArrayList<>()));
        continue;
      }
      TensorType type = new TensorType(dtype.get(), entry.shape());
      if (type.byteLength() != entry.byteLength()) {
        throw new FormatException(target + ": tensor \"" + entry.name() + "\" is " + type
            + " and can't have " + entry.byteLength() + " bytes");
      }
      if (!layers.isEmpty() && layers.getLast().holds(entry)) {
        Layer owner = layers.getLast();
        String part = entry.name().substring(owner.tensor.name().length() + 1);
        owner.parts.add(new Part(part, type, i));
      } else {
        layers.add(new Layer(entry, i, List.of()));
      }
    }
    return layers;
  }

  private boolean holds(TensorEntry entry) {
    return tensor.dtype().isEmpty() && entry.name().startsWith(tensor.name() + ".");
  }

  /** The part of a name if the column of that name can hold it. */
  Optional<Part> parameters(String name) {
    return parts.stream().filter(part -> part.isParameters() && part.name.equals(name)).findFirst();
  }

  /** The parts that the column {@code parts} must tell of. */
  List<Part> describedParts() {
    return parts.stream().filter(part -> !part.isParameters() || !hasUsualShape(part)).toList();
  }

  private boolean hasUsualShape(Part part) {
    long count = part.type.shape().elementCount();
    return UniformText.parameterShape(tensor.encoding(), tensor.shape(), count)
        .equals(part.type.shape());
  }
}
