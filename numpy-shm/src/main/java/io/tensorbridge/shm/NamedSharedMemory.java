package io.tensorbridge.shm;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Region;
import io.tensorbridge.ResourceException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.MemoryCalls;

/**
 * Memory that other processes find by a name: a segment of POSIX shared memory, as Python's {@code
 * multiprocessing.shared_memory.SharedMemory} creates and opens it; thread-safe.
 *
 * <pre>{@code
 * try (var memory = NamedSharedMemory.open("psm_1234")) {      // shm = SharedMemory(create=True, ...); shm.name
 *   Tensor weight = memory.tensor(DType.F32, Shape.of(1280, 1280));
 * }
 * }</pre>
 *
 * <p><b>Who removes the name.</b> As in Python: {@link #close()} never does, {@link #unlink()} does,
 * and one side must. A segment whose name nobody removes takes memory until the machine restarts.
 * Mappings outlive the name.
 *
 * <p><b>Python's resource tracker.</b> Before Python 3.13, a process that merely <em>opens</em> a
 * segment removes its name when it ends (and warns of "leaked shared_memory objects"), although
 * Java created it. Mappings stay valid, but nobody can open the name any more. Remedies:
 *
 * <ul>
 *   <li>Python 3.13: {@code SharedMemory(name, track=False)};
 *   <li>before: {@code resource_tracker.unregister(shm._name, "shared_memory")} after opening it.
 * </ul>
 *
 * <p><b>No seals.</b> Anyone who knows the name can shrink the file under a mapping. So tensors here
 * are of {@link Backing#FILE}, and kernels copy their bytes before they compute. Where the peer can
 * pass a descriptor, {@link SharedRegion} avoids that copy.
 */
public final class NamedSharedMemory implements AutoCloseable {
  private final SegmentName name;
  private final Region region;

  private NamedSharedMemory(SegmentName name, Region region) {
    this.name = name;
    this.region = region;
  }

  /**
   * Creates a segment of zeros under a name of its own.
   *
   * @param byteSize the size, above 0
   * @return the segment, owned by the caller, who also sees to {@link #unlink()}
   * @throws ResourceException if {@code /dev/shm} has no room
   */
  public static NamedSharedMemory create(long byteSize) {
    return create(SegmentName.random(), byteSize);
  }

  /**
   * Creates a segment of zeros. All of it is allocated at once, so that no later access fails
   * because {@code /dev/shm} is full.
   *
   * @param name 1 to 255 bytes without a slash (one leading slash is ignored)
   * @param byteSize the size, above 0
   * @return the segment, owned by the caller, who also sees to {@link #unlink()}
   * @throws io.tensorbridge.OptionException if the name can't be one
   * @throws ResourceException if the name is in use, or {@code /dev/shm} has no room
   */
  public static NamedSharedMemory create(String name, long byteSize) {
    return create(SegmentName.parse(name), byteSize);
  }

  private static NamedSharedMemory create(SegmentName name, long byteSize) {
    if (byteSize <= 0) {
      throw new IllegalArgumentException("a segment of " + byteSize + " bytes can't be created");
    }
    AvailableMemory.require(name.text(), byteSize);
    int flags = DescriptorCalls.O_RDWR | DescriptorCalls.O_CREAT | DescriptorCalls.O_EXCL;
    try (Fd fd = openFile(name, flags)) {
      return fillNew(name, fd, byteSize);
    }
  }

  private static NamedSharedMemory fillNew(SegmentName name, Fd fd, long byteSize) {
    try {
      MemoryCalls.ftruncate(fd.number(), byteSize);
      MemoryCalls.fallocate(fd.number(), byteSize);
      return map(name, fd, byteSize, Access.READWRITE);
    } catch (RuntimeException | Error failure) {
      unlink(name.text());
      throw failure;
    }
  }

  /**
   * Opens a segment that another process created, for reading and writing.
   *
   * @param name its name, with or without the leading slash
   * @return the segment, owned by the caller
   * @throws io.tensorbridge.OptionException if the name can't be one
   * @throws ResourceException if there is no such segment, it belongs to another user, or it has no
   *     size yet
   */
  public static NamedSharedMemory open(String name) {
    return open(SegmentName.parse(name), Access.READWRITE);
  }

  /**
   * Opens a segment that another process created, for reading only.
   *
   * @param name its name, with or without the leading slash
   * @return the segment, owned by the caller
   * @throws io.tensorbridge.OptionException if the name can't be one
   * @throws ResourceException if there is no such segment, it belongs to another user, or it has no
   *     size yet
   */
  public static NamedSharedMemory openReadOnly(String name) {
    return open(SegmentName.parse(name), Access.READ);
  }

  private static NamedSharedMemory open(SegmentName name, Access access) {
    int flags =
        switch (access) {
          case READ -> DescriptorCalls.O_RDONLY;
          case READWRITE -> DescriptorCalls.O_RDWR;
        };
    try (Fd fd = openFile(name, flags)) {
      long byteSize = DescriptorCalls.fstat(fd.number()).byteSize();
      if (byteSize == 0) {
        throw new ResourceException(
            ErrorCode.SYSTEM_CALL,
            "shared memory " + name.text() + " is empty; open it after its creator has sized it");
      }
      return map(name, fd, byteSize, access);
    }
  }

  private static Fd openFile(SegmentName name, int flags) {
    int result = DescriptorCalls.open(name.path(), flags);
    if (result >= 0) {
      return Fd.owning(result);
    }
    throw switch (-result) {
      case Errno.EEXIST ->
          new ResourceException(
              ErrorCode.SYSTEM_CALL,
              "shared memory " + name.text() + " exists; open it, or choose another name");
      case Errno.ENOENT ->
          new ResourceException(
              ErrorCode.SYSTEM_CALL,
              "there is no shared memory " + name.text() + "; a Python before 3.13 removes the"
                  + " name when it ends, even if it only opened it (resource tracker)");
      default -> Errno.failure("opening shared memory " + name.text(), -result);
    };
  }

  private static NamedSharedMemory map(
      SegmentName name, Fd fd, long byteSize, Access access) {
    boolean writable = access == Access.READWRITE;
    return switch (Mapping.map(
        name.text(), fd.number(), byteSize, access, writable, Backing.FILE)) {
      case MapResult.Mapped mapped -> new NamedSharedMemory(name, mapped.region());
      case MapResult.Refused refused ->
          throw Errno.failure("mapping shared memory " + name.text(), refused.errno());
    };
  }

  /**
   * The name to give to Python's {@code SharedMemory}.
   *
   * @return the name without a leading slash
   */
  public String name() {
    return name.text();
  }

  /**
   * The mapped memory, of {@link Backing#FILE}.
   *
   * @return the region; {@link #close()} closes it
   */
  public Region region() {
    return region;
  }

  /**
   * The size of the segment when it was mapped.
   *
   * @return bytes
   */
  public long byteSize() {
    return region.byteSize();
  }

  /**
   * The tensor at the start of the segment, as {@code numpy.ndarray(shape, dtype, shm.buf)} shows it.
   *
   * @param dtype the element encoding
   * @param shape the extents
   * @return a row-major view, valid until the segment is unmapped
   * @throws io.tensorbridge.ProtocolException if the segment is too small
   */
  public Tensor tensor(DType dtype, Shape shape) {
    TensorLayout layout = TensorLayout.rowMajor(new TensorType(dtype, shape));
    return Tensor.of(region.segment(), layout, Backing.FILE);
  }

  /**
   * Removes the name, whoever created it. Mappings stay valid; the memory goes with the last one.
   *
   * @return false if the name was gone already
   * @throws ResourceException if it belongs to another user
   */
  public boolean unlink() {
    return unlink(name.text());
  }

  /**
   * Removes a name without opening the segment.
   *
   * @param name a segment's name, with or without the leading slash
   * @return false if there is no such segment
   * @throws io.tensorbridge.OptionException if the name can't be one
   * @throws ResourceException if it belongs to another user
   */
  public static boolean unlink(String name) {
    SegmentName segment = SegmentName.parse(name);
    int result = DescriptorCalls.unlink(segment.path());
    if (result < 0 && result != -Errno.ENOENT) {
      throw Errno.failure("removing shared memory " + segment.text(), -result);
    }
    return result == 0;
  }

  /** Closes the region, which unmaps after its last lease. The name stays; see {@link #unlink()}. */
  @Override
  public void close() {
    region.close();
  }

  @Override
  public String toString() {
    return "shared memory " + name.text() + " of " + byteSize() + " bytes";
  }
}
