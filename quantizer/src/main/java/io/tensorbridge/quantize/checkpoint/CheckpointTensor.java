package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.QuantScheme;
import java.util.List;
import java.util.Optional;

/**
 * A quantized tensor found in a checkpoint.
 *
 * @param name of the tensor as a whole, for example {@code a.weight}
 * @param shape the original extents
 * @param encoding the scheme, or what else describes the layout, lower case
 * @param scheme that gives the same parts; empty if no scheme does
 * @param entries that hold it, the codes first
 * @param reading gives its values
 */
public record CheckpointTensor(
    String name,
    Shape shape,
    String encoding,
    Optional<QuantScheme> scheme,
    List<TensorEntry> entries,
    FloatReading reading) {
  /** Keeps its own list. */
  public CheckpointTensor {
    entries = List.copyOf(entries);
  }
}
