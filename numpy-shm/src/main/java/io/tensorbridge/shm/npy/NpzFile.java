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
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * A {@code .npz} file, as {@code numpy.savez} and {@code savez_compressed} write it: a zip archive
 * of {@code .npy} files; immutable, thread-safe.
 *
 * <p>Arrays that are stored (not compressed), little-endian and in C order are mapped. All others
 * are copied to private memory at their first use and kept until {@link #close()}. Checksums are
 * compared where bytes are decompressed; what is mapped is not read for that. Archive members {@code
 * metadata/KEY.txt} are metadata; others that are no {@code .npy} files are left out.
 */
public final class NpzFile implements TensorFile {
  private static final String ENDING = ".npy";

  private final MappedFile file;
  private final NamedArrays arrays;
  private final Map<String, String> metadata;

  private NpzFile(MappedFile file, NamedArrays arrays, Map<String, String> metadata) {
    this.file = file;
    this.arrays = arrays;
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Opens a file and checks every rule of both formats.
   *
   * @param path the file
   * @return the open file, owned by the caller
   * @throws FormatException if it breaks a rule, holds anything but plain numbers, or can't be read
   */
  public static NpzFile open(Path path) {
    return open(path, null);
  }

  /**
   * Opens a file with arrays of types that NumPy has no name for.
   *
   * @param path the file
   * @param voidDType what void types of its size stand for, or null to refuse them; {@code <V2} is
   *     taken for bfloat16 anyhow
   * @return the open file, owned by the caller
   * @throws FormatException if it breaks a rule, holds anything but plain numbers, or can't be read
   */
  public static NpzFile open(Path path, @Nullable DType voidDType) {
    return of(MappedFile.open(path), voidDType);
  }

  /** Takes over a mapped file. */
  static NpzFile of(MappedFile file, @Nullable DType voidDType) {
    try {
      return ByteSource.reading(
          file.path(),
          () -> read(file, voidDType));
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  private static NpzFile read(MappedFile file, @Nullable DType voidDType) {
    SequencedMap<String, LazyArray> arrays = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (ZipMember member : ZipDirectory.read(file.source())) {
      if (member.name().endsWith(ENDING)) {
        String name = member.name().substring(0, member.name().length() - ENDING.length());
        arrays.put(name, readArray(file, member, voidDType));
      } else if (NpzText.is(member)) {
        NpzText text = NpzText.read(member);
        metadata.put(text.key(), text.value());
      }
    }
    return new NpzFile(file, new NamedArrays(file, arrays, metadata), metadata);
  }

  private static LazyArray readArray(
      MappedFile file, ZipMember member, @Nullable DType voidDType) {
    ByteSource content = member.content();
    if (!member.isCompressed()) {
      return LazyArray.of(NpyArray.read(content, Backing.FILE, voidDType), file.arena());
    }
    Inflation inflation = new Inflation(member);
    int headLength = NpyHeader.headLength(inflation.prefix(NpyHeader.PREFIX_BYTES));
    NpyHeader header =
        NpyHeader.read(inflation.prefix(headLength), member.byteSize(), voidDType);
    return new LazyArray(
        header.type(),
        file.arena(),
        () -> NpyArray.of(header, inflation.all(file.arena()), Backing.PRIVATE));
  }

  /**
   * An array as it is stored, decompressed if need be.
   *
   * @param name a name of {@link #entries()}
   * @return the array, valid until the file is closed
   * @throws io.tensorbridge.TensorException if there is no such array
   * @throws FormatException if its compressed bytes are damaged
   */
  public NpyArray array(String name) {
    return arrays.array(name);
  }

  @Override
  public List<TensorEntry> entries() {
    return arrays.entries();
  }

  @Override
  public TensorEntry entry(String name) {
    return arrays.entry(name);
  }

  @Override
  public MemorySegment bytes(String name) {
    return arrays.bytes(name);
  }

  @Override
  public Tensor tensor(String name) {
    return arrays.tensor(name);
  }

  /**
   * The texts that {@link NpzWriter} keeps as members {@code metadata/KEY.txt}.
   *
   * @return keys and values, empty if NumPy wrote the file
   */
  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public void close() {
    file.close();
  }

  @Override
  public String toString() {
    return file.path() + " with " + entries().size() + " arrays";
  }
}
