package io.tensorbridge.quantize.model;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorNames;
import io.tensorbridge.quantize.model.GgufHeader.StoredTensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An open GGUF file; immutable and thread-safe until it is closed.
 *
 * <p>Opening reads and checks the header only. Entries tell the original shape of a tensor; {@link
 * #storedShape(String)} tells the one along which blocks run.
 */
public final class GgufFile implements PositionedFile {
  private final FileBytes file;
  private final GgufHeader header;
  private final TensorNames names;

  private GgufFile(FileBytes file, GgufHeader header) {
    this.file = file;
    this.header = header;
    List<TensorEntry> entries = new ArrayList<>(header.tensors().size());
    for (StoredTensor tensor : header.tensors()) {
      entries.add(
          new TensorEntry(
              tensor.name(), tensor.type().encoding(), tensor.shape(), tensor.byteLength()));
    }
    this.names = new TensorNames(file.path(), entries);
  }

  /**
   * Opens a file and checks all rules of the format.
   *
   * @param path the file
   * @return the open file, owned by the caller
   * @throws io.tensorbridge.FormatException with the byte and the rule, if it breaks one, or if it
   *     can't be read
   */
  public static GgufFile open(Path path) {
    FileBytes file = FileBytes.open(path);
    try {
      return new GgufFile(file, GgufHeaderReader.read(file));
    } catch (RuntimeException refused) {
      file.close();
      throw refused;
    }
  }

  /**
   * The version of the format.
   *
   * @return 2 or 3
   */
  public int version() {
    return header.version();
  }

  /**
   * The metadata with their types.
   *
   * @return an unmodifiable map in the order of the file
   */
  public Map<String, GgufValue> values() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /**
   * The shape that the file's header tells, along whose last dimension blocks run.
   *
   * @param name a name of {@link #entries()}
   * @return extents, outermost first
   */
  public Shape storedShape(String name) {
    return stored(name).storedShape();
  }

  private StoredTensor stored(String name) {
    return header.tensors().get(names.indexOf(name));
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
    StoredTensor tensor = stored(name);
    return file.mapped(header.dataOffset() + tensor.begin(), tensor.byteLength());
  }

  @Override
  public void read(String name, long byteOffset, MemorySegment target) {
    StoredTensor tensor = stored(name);
    if (byteOffset < 0 || target.byteSize() > tensor.byteLength() - byteOffset) {
      throw new IndexOutOfBoundsException(byteOffset + " + " + target.byteSize() + " of " + tensor);
    }
    file.read(header.dataOffset() + tensor.begin() + byteOffset, target);
  }

  @Override
  public Tensor tensor(String name) {
    TensorEntry entry = entry(name);
    DType dtype = entry.dtype().orElseThrow(() -> SafetensorsFile.notPlain(entry));
    TensorLayout layout = TensorLayout.rowMajor(new TensorType(dtype, entry.shape()));
    return Tensor.of(bytes(name), layout, Backing.FILE);
  }

  @Override
  public Map<String, String> metadata() {
    Map<String, String> text = new LinkedHashMap<>();
    header.metadata().forEach((key, value) -> text.put(key, value.toText()));
    return text;
  }

  @Override
  public Optional<Path> path() {
    return Optional.of(file.path());
  }

  @Override
  public void close() {
    file.close();
  }
}
