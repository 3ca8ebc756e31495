package io.tensorbridge.shm.npy;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * One array of a NumPy file as it is stored; immutable, thread-safe, valid while its file is open.
 */
public final class NpyArray {
  private final NpyHeader header;
  private final ByteSource elements;
  private final Backing backing;

  private NpyArray(NpyHeader header, ByteSource elements, Backing backing) {
    this.header = header;
    this.elements = elements;
    this.backing = backing;
  }

  static NpyArray read(ByteSource source, Backing backing, @Nullable DType voidDType) {
    NpyHeader header = NpyHeader.read(source, source.size(), voidDType);
    return of(header, source, backing);
  }

  static NpyArray of(NpyHeader header, ByteSource source, Backing backing) {
    long byteLength = header.type().byteLength();
    return new NpyArray(header, source.slice("", header.dataOffset(), byteLength), backing);
  }

  /**
   * Dtype and shape.
   *
   * @return the type
   */
  public TensorType type() {
    return header.type();
  }

  /**
   * How the elements are stored.
   *
   * @return big-endian for a dtype such as {@code >f4}
   */
  public ByteOrder byteOrder() {
    return header.byteOrder();
  }

  /**
   * Whether the first dimension is the fastest.
   *
   * @return true for an array saved in Fortran order
   */
  public boolean isFortranOrder() {
    return header.fortranOrder();
  }

  /**
   * The elements as they are stored, whatever their order.
   *
   * @return a read-only segment
   */
  public MemorySegment bytes() {
    return elements.bytes();
  }

  /**
   * The array without a copy.
   *
   * @return a row-major tensor, or a column-major one of an array in Fortran order
   * @throws TensorException {@link ErrorCode#UNSUPPORTED_DTYPE} if the elements are big-endian,
   *     which a tensor can't be; take {@link #copy}
   */
  public Tensor view() {
    if (header.byteOrder() == ByteOrder.BIG_ENDIAN) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          elements.file() + " is big-endian; take copy(arena), or save it by"
              + " array.astype(array.dtype.newbyteorder('<'))");
    }
    return Tensor.of(bytes(), header.layout(), backing);
  }

  /** Whether {@link #view} is what every consumer expects: row-major and little-endian. */
  boolean isPlain() {
    return header.isPlain();
  }

  /**
   * The array as a row-major, little-endian copy in private memory.
   *
   * @param arena owns the copy
   * @return the copy, 64-byte aligned
   * @throws io.tensorbridge.ResourceException {@link ErrorCode#OUT_OF_MEMORY} if there is no room
   * @throws io.tensorbridge.FormatException if the file is cut short meanwhile
   */
  public Tensor copy(Arena arena) {
    return ByteSource.reading(elements.file(), () -> copyElements(arena));
  }

  private Tensor copyElements(Arena arena) {
    MemorySegment target = PrivateMemory.allocate(arena, type().byteLength());
    if (header.layout().isRowMajor()) {
      elements.copyTo(0, target);
    } else {
      copyReordered(target);
    }
    if (header.byteOrder() == ByteOrder.BIG_ENDIAN) {
      ByteSwap.swap(target, header.type().dtype());
    }
    return Tensor.of(
        target.asReadOnly(), TensorLayout.rowMajor(header.type()), Backing.PRIVATE);
  }

  /** In two steps, since only bulk copies from a file fail in a way that can be caught. */
  private void copyReordered(MemorySegment target) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stored = PrivateMemory.allocate(arena, type().byteLength());
      elements.copyTo(0, stored);
      RowMajor.copy(stored, header.layout(), target);
    }
  }

  @Override
  public String toString() {
    return elements.file() + ": " + type();
  }
}
