package io.tensorbridge.shm.npy;

import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.shm.file.PendingFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Writes a {@code .npy} file that {@code numpy.load} reads, the elements 64-byte aligned;
 * thread-safe.
 *
 * <p>NumPy shows bfloat16 and 8-bit floats as void types; {@code array.view(ml_dtypes.bfloat16)}
 * gives them their meaning back.
 */
public final class NpyWriter implements TensorFileWriter {
  private final PendingFile file;
  private final long dataOffset;
  private final long byteLength;

  private NpyWriter(PendingFile file, byte[] head, long byteLength) {
    this.file = file;
    this.dataOffset = head.length;
    this.byteLength = byteLength;
    file.write(0, MemorySegment.ofArray(head));
  }

  /**
   * Writes a whole tensor, as {@code numpy.save} does.
   *
   * @param target where the file shall appear; an older one is replaced
   * @param tensor any layout; column-major tensors are saved in Fortran order, all others in C order
   * @throws FormatException if the disk refuses it
   */
  public static void write(Path target, Tensor tensor) {
    boolean fortranOrder = RowMajorChunks.isColumnMajor(tensor);
    try (NpyWriter writer = create(target, tensor.type(), fortranOrder)) {
      Tensor elements = fortranOrder ? RowMajorChunks.flat(tensor) : tensor;
      RowMajorChunks.forEach(elements, (at, bytes) -> writer.write(0, at, bytes));
      writer.commit();
    }
  }

  /**
   * Begins a file in C order, its bytes to be written piece by piece.
   *
   * @param target where the file shall appear; an older one is replaced
   * @param type dtype and shape
   * @return the writer, owned by the caller; its one entry is 0
   * @throws FormatException if the disk refuses it
   */
  public static NpyWriter create(Path target, TensorType type) {
    return create(target, type, false);
  }

  private static NpyWriter create(Path target, TensorType type, boolean fortranOrder) {
    PendingFile file = PendingFile.create(target);
    try {
      return new NpyWriter(file, NpyHeader.write(type, fortranOrder), type.byteLength());
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  @Override
  public void write(int entry, long byteOffset, MemorySegment bytes) {
    Objects.checkIndex(entry, 1);
    Objects.checkFromIndexSize(byteOffset, bytes.byteSize(), byteLength);
    file.write(dataOffset + byteOffset, bytes);
  }

  @Override
  public void commit() {
    file.commit();
  }

  @Override
  public void close() {
    file.close();
  }
}
