package io.tensorbridge.quantize.model;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.EncodingMetadata;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorNames;
import io.tensorbridge.quantize.model.SafetensorsHeader.StoredTensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An open safetensors file; immutable and thread-safe until it is closed.
 *
 * <p>Opening reads and checks the header only. A tensor that this package wrote with a scheme is
 * listed with that scheme and its original shape.
 */
public final class SafetensorsFile implements PositionedFile {
  private final FileBytes file;
  private final SafetensorsHeader header;
  private final TensorNames names;

  private SafetensorsFile(FileBytes file, SafetensorsHeader header) {
    this.file = file;
    this.header = header;
    List<TensorEntry> entries = new ArrayList<>(header.tensors().size());
    for (StoredTensor tensor : header.tensors()) {
      TensorEntry stored =
          new TensorEntry(
              tensor.name(),
              tensor.dtype().encoding(),
              tensor.shape(),
              tensor.end() - tensor.begin());
      entries.add(
          EncodingMetadata.restore(
              stored, header.metadata(), file.path(), SafetensorsHeader.PREFIX_BYTES));
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
  public static SafetensorsFile open(Path path) {
    FileBytes file = FileBytes.open(path);
    try {
      return new SafetensorsFile(file, SafetensorsHeaderReader.read(file));
    } catch (RuntimeException refused) {
      file.close();
      throw refused;
    }
  }

  /**
   * Reads a file that somebody else has opened, and checks all rules of the format.
   *
   * @param name for messages
   * @param bytes the whole file; belongs to the caller and stays accessible while this is used
   * @return the file
   * @throws io.tensorbridge.FormatException with the byte and the rule, if it breaks one, or if it
   *     was truncated since it was mapped
   */
  public static SafetensorsFile of(Path name, MemorySegment bytes) {
    FileBytes file = FileBytes.of(name, bytes);
    return new SafetensorsFile(file, SafetensorsHeaderReader.read(file));
  }

  /**
   * Where the stored bytes of a tensor begin.
   *
   * @param name a name of {@link #entries()}
   * @return counted from the beginning of the file
   */
  public long byteOffset(String name) {
    return header.dataOffset() + header.tensors().get(names.indexOf(name)).begin();
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
    StoredTensor tensor = header.tensors().get(names.indexOf(name));
    return file.mapped(header.dataOffset() + tensor.begin(), tensor.end() - tensor.begin());
  }

  @Override
  public void read(String name, long byteOffset, MemorySegment target) {
    TensorEntry entry = entry(name);
    if (byteOffset < 0 || target.byteSize() > entry.byteLength() - byteOffset) {
      throw new IndexOutOfBoundsException(byteOffset + " + " + target.byteSize() + " of " + entry);
    }
    StoredTensor tensor = header.tensors().get(names.indexOf(name));
    file.read(header.dataOffset() + tensor.begin() + byteOffset, target);
  }

  @Override
  public Tensor tensor(String name) {
    TensorEntry entry = entry(name);
    DType dtype = entry.dtype().orElseThrow(() -> notPlain(entry));
    TensorLayout layout = TensorLayout.rowMajor(new TensorType(dtype, entry.shape()));
    return Tensor.of(bytes(name), layout, Backing.FILE);
  }

  static TensorException notPlain(TensorEntry entry) {
    return new TensorException(
        ErrorCode.UNSUPPORTED_DTYPE,
        entry.name(),
        -1,
        "is stored as " + entry.encoding() + "; dequantize it to get plain elements",
        null);
  }

  @Override
  public Map<String, String> metadata() {
    return header.metadata();
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
