package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.QuantScheme;
import java.util.ArrayList;
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

  /** The same tensor, read as a scheme does whose parts its first entries are. */
  CheckpointTensor as(QuantScheme known) {
    List<OutputSpec> parts = known.parts(shape);
    for (int i = 0; i < parts.size(); i++) {
      OutputSpec part = parts.get(i);
      if (entries.get(i).byteLength() != part.type().byteLength()) {
        throw CheckpointEntries.mismatch(name, entries.get(i), part.type().toString());
      }
    }
    FloatReading bySchemes = file -> {
      MappedEntries mapped = new MappedEntries(file);
      List<Tensor> sources = new ArrayList<>(parts.size());
      for (OutputSpec part : parts) {
        sources.add(mapped.part(entries.get(sources.size()), part));
      }
      return FloatSource.of(known, shape, sources);
    };
    return new CheckpointTensor(
        name, shape, known.toString(), Optional.of(known), entries, bySchemes);
  }
}
