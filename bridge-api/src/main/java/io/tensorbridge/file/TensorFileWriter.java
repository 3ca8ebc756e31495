package io.tensorbridge.file;

import java.lang.foreign.MemorySegment;

/**
 * A file of named tensors in the making.
 *
 * <p>The entries, and so all offsets, were fixed when the writer was created; bytes may come in any
 * order and from any thread. The target appears with {@link #commit()}, whole; without it, {@link
 * #close()} removes every trace.
 */
public interface TensorFileWriter extends AutoCloseable {
  /**
   * Writes a part of a tensor.
   *
   * @param entry index of the entry as given at creation
   * @param byteOffset where in the tensor's bytes
   * @param bytes what to write
   * @throws io.tensorbridge.FormatException if the disk refuses it
   */
  void write(int entry, long byteOffset, MemorySegment bytes);

  /**
   * Makes the file appear under its name, replacing an older one.
   *
   * @throws io.tensorbridge.FormatException if the disk refuses it
   */
  void commit();

  /** Gives up an uncommitted file and leaves nothing behind; after a commit does nothing. */
  @Override
  void close();
}
