package io.tensorbridge.arrow.table;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorNames;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * An open table of layers, each row one tensor; immutable and thread-safe until it is closed.
 *
 * <p>A row of a quantized tensor is listed as several entries, as its parts are in other formats:
 * {@code NAME} with the scheme as its encoding, {@code NAME.scales}, {@code NAME.zero_points} and so
 * on.
 */
public final class LayerTableFile implements TensorFile {
  private final ArrowFile file;
  private final List<StoredTensor> tensors;
  private final TensorNames names;

  private LayerTableFile(Path path, ArrowFile file, List<StoredTensor> tensors) {
    this.file = file;
    this.tensors = tensors;
    this.names =
        new TensorNames(path, tensors.stream().map(StoredTensor::entry).toList());
  }

  /**
   * Opens a table and checks all its rows.
   *
   * @param path an Arrow IPC file or stream
   * @return the open file, owned by the caller
   * @throws FormatException with the byte and the rule, if it breaks one, or if it can't be read
   */
  public static LayerTableFile open(Path path) {
    ArrowFile file = ArrowFile.open(path);
    try {
      return ByteSource.reading(
          path, () -> new LayerTableFile(path, file, LayerTableReader.read(file)));
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
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
    file.requireOpen();
    return tensors.get(names.indexOf(name)).bytes();
  }

  @Override
  public Tensor tensor(String name) {
    TensorEntry entry = entry(name);
    DType dtype = entry.dtype().orElseThrow(() -> notPlain(entry));
    TensorLayout layout = TensorLayout.rowMajor(new TensorType(dtype, entry.shape()));
    return Tensor.of(bytes(name), layout, Backing.FILE);
  }

  private static TensorException notPlain(TensorEntry entry) {
    return new TensorException(
        ErrorCode.UNSUPPORTED_DTYPE,
        entry.name(),
        -1,
        "is stored as " + entry.encoding() + "; dequantize it to get plain elements",
        null);
  }

  @Override
  public Map<String, String> metadata() {
    return file.schema().metadata();
  }

  @Override
  public void close() {
    file.close();
  }

  @Override
  public String toString() {
    return file.name() + " with " + tensors.size() + " tensors";
  }
}
