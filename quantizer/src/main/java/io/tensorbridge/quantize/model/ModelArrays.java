package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorNames;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Tensors in memory, where a model file is asked for; immutable and thread-safe. It borrows them.
 */
public final class ModelArrays implements TensorFile {
  private static final Path NAME = Path.of("arrays");

  private final Map<String, String> metadata;
  private final List<Tensor> tensors;
  private final TensorNames names;

  private ModelArrays(
      Collection<Tensor> tensors, List<TensorEntry> entries, Map<String, String> metadata) {
    this.metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    this.tensors = List.copyOf(tensors);
    this.names = new TensorNames(NAME, entries);
  }

  /**
   * Of tensors by name.
   *
   * @param tensors row-major, of any dtype, in the order that a saved file shall have; their memory
   *     stays the caller's, and must stay as it is until this is closed
   * @return the model
   * @throws io.tensorbridge.TensorException if one is not row-major; the message names it
   */
  public static ModelArrays of(Map<String, Tensor> tensors) {
    return of(tensors, Map.of());
  }

  /**
   * The same with metadata, which a file made of it carries on.
   *
   * @param tensors as above
   * @param metadata keys and values
   * @return the model
   * @throws TensorException as above
   */
  public static ModelArrays of(Map<String, Tensor> tensors, Map<String, String> metadata) {
    List<TensorEntry> entries = new ArrayList<>(tensors.size());
    tensors.forEach(
        (name, tensor) -> {
          if (!tensor.isRowMajor()) {
            throw new TensorException(
                ErrorCode.BAD_SHAPE, name, -1, "is not row-major; copy it first", null);
          }
          entries.add(TensorEntry.of(name, tensor.type()));
        });
    return new ModelArrays(tensors.values(), entries, metadata);
  }

  @Override
  public List<TensorEntry> entries() {
    return names.entries();
  }

  @Override
  public TensorEntry entry(String name) {
    return names.entry(name);
  }

  @Override
  public MemorySegment bytes(String name) {
    return tensor(name).segment();
  }

  @Override
  public Tensor tensor(String name) {
    return tensors.get(names.indexOf(name));
  }

  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Does nothing: the tensors were borrowed. */
  @Override
  public void close() {
    // nothing is owned
  }
}
