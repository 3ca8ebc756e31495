package io.tensorbridge.file;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An open file of named tensors; immutable and thread-safe until it is closed.
 *
 * <p>All rules of the format were checked when the file was opened. The bytes are a mapping of the
 * file ({@link io.tensorbridge.Backing#FILE}), valid until {@link #close()}.
 */
public interface TensorFile extends AutoCloseable {
  /**
   * The tensors.
   *
   * @return in the order of the file's header
   */
  List<TensorEntry> entries();

  /**
   * The entry with a name.
   *
   * @param name a name of {@link #entries()}
   * @return the entry
   * @throws io.tensorbridge.TensorException if the file has no such tensor; the message lists the
   *     nearest names
   */
  TensorEntry entry(String name);

  /**
   * The stored bytes of a tensor, mapped.
   *
   * @param name a name of {@link #entries()}
   * @return a read-only segment of the entry's byte length
   */
  MemorySegment bytes(String name);

  /**
   * Copies stored bytes into memory of the caller: the way to give them to kernels, because nobody
   * can truncate that memory.
   *
   * @param name a name of {@link #entries()}
   * @param byteOffset where in the tensor's bytes
   * @param target native memory, filled whole
   * @throws io.tensorbridge.FormatException if the file can't be read or was truncated
   * @throws IndexOutOfBoundsException if the tensor has fewer bytes
   */
  default void read(String name, long byteOffset, MemorySegment target) {
    try {
      MemorySegment.copy(bytes(name), byteOffset, target, 0, target.byteSize());
    } catch (InternalError truncated) {
      throw new FormatException(
          ErrorCode.FILE_IO,
          "tensor \"" + name + "\": the file was truncated while it was read",
          -1,
          "",
          truncated);
    }
  }

  /**
   * A tensor of plain elements, mapped.
   *
   * @param name a name of {@link #entries()}
   * @return a row-major view of the file
   * @throws io.tensorbridge.TensorException if there is no such tensor or it is stored in blocks
   */
  Tensor tensor(String name);

  /**
   * Text metadata of the file.
   *
   * @return keys and values, empty if the format has none
   */
  Map<String, String> metadata();

  /**
   * Where the file lies.
   *
   * @return the path by which it was opened; empty if it is no file on disk
   */
  default Optional<Path> path() {
    return Optional.empty();
  }

  /** Unmaps the file; its tensors must not be used any more. */
  @Override
  void close();
}
