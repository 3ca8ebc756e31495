package io.tensorbridge.shm.npy;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.shm.file.ByteSource;
import io.tensorbridge.shm.file.MappedFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * A {@code .npy} file, as {@code numpy.save} writes it, mapped; immutable, thread-safe.
 *
 * <pre>{@code
 * try (NpyFile file = NpyFile.open(Path.of("weight.npy"))) {
 *   Tensor weight = file.tensor();
 * }
 * }</pre>
 *
 * <p>Tensors and segments are valid until {@link #close()}; a use after that throws {@link
 * IllegalStateException}. As a {@link TensorFile} it holds one tensor, named as the file is without
 * {@code .npy}. Bytes behind the array are ignored, as NumPy does.
 */
public final class NpyFile implements TensorFile {
  private static final String ENDING = ".npy";

  private final MappedFile file;
  private final NpyArray array;
  private final LazyArray lazy;
  private final NamedArrays names;

  private NpyFile(MappedFile file, NpyArray array) {
    this.file = file;
    this.array = array;
    this.lazy = LazyArray.of(array, file.arena());
    SequencedMap<String, LazyArray> single = new LinkedHashMap<>();
    single.put(nameOf(file.path()), lazy);
    this.names = new NamedArrays(file, single, Map.of());
  }

  private static String nameOf(Path path) {
    Path last = path.getFileName();
    String name = last == null ? "" : last.toString();
    return name.endsWith(ENDING) ? name.substring(0, name.length() - ENDING.length()) : name;
  }

  /**
   * Opens a file and checks every rule of the format.
   *
   * @param path the file
   * @return the open file, owned by the caller
   * @throws FormatException if it breaks a rule, holds no plain numbers, or can't be read
   */
  public static NpyFile open(Path path) {
    return open(path, null);
  }

  /**
   * Opens a file whose elements may be of a type that NumPy has no name for. The types of {@code
   * ml_dtypes} are stored as "void" of their size: {@code <V2} is taken for bfloat16 anyhow.
   *
   * @param path the file
   * @param voidDType what a void type of its size stands for, or null to refuse void types
   * @return the open file, owned by the caller
   * @throws FormatException if it breaks a rule, holds no plain numbers, or can't be read
   */
  public static NpyFile open(Path path, @Nullable DType voidDType) {
    MappedFile file = MappedFile.open(path);
    try {
      return ByteSource.reading(
          path, () -> new NpyFile(file, NpyArray.read(file.source(), Backing.FILE, voidDType)));
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  /**
   * The array as it is stored.
   *
   * @return the array, valid until the file is closed
   */
  public NpyArray array() {
    return array;
  }

  /**
   * The array as NumPy shows it: mapped if its bytes can be used as they are, also in Fortran order;
   * else (big-endian) copied to private memory once.
   *
   * @return a row-major tensor, or a column-major one of an array in Fortran order
   * @throws io.tensorbridge.ResourceException if there is no room for a copy
   */
  public Tensor tensor() {
    file.requireOpen();
    return array.byteOrder() == ByteOrder.LITTLE_ENDIAN ? array.view() : lazy.plain();
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
    return names.bytes(name);
  }

  /**
   * The array in C order, copied to private memory once if it is stored otherwise.
   *
   * @param name the name of the file without {@code .npy}
   * @return a row-major tensor
   */
  @Override
  public Tensor tensor(String name) {
    return names.tensor(name);
  }

  /**
   * No metadata: the format has none.
   *
   * @return an empty map
   */
  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  @Override
  public void close() {
    file.close();
  }

  @Override
  public String toString() {
    return array.toString();
  }
}
