package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Memory: anonymous files, their seals, and mappings. */
public final class MemoryCalls {
  /** Seal: no further seals. */
  public static final int F_SEAL_SEAL = 0x1;
  /** Seal: the file can't shrink. */
  public static final int F_SEAL_SHRINK = 0x2;
  /** Seal: the file can't grow. */
  public static final int F_SEAL_GROW = 0x4;
  /** Seal: nobody can write. */
  public static final int F_SEAL_WRITE = 0x8;
  /** Seal: nobody can write but through mappings that exist already. */
  public static final int F_SEAL_FUTURE_WRITE = 0x10;
  /** Advice: the range will be read soon. */
  public static final int MADV_WILLNEED = 3;
  /** Advice: the range will be read in order. */
  public static final int MADV_SEQUENTIAL = 2;

  private static final long STATFS_BYTES = 128;
  private static final long HUGETLBFS_MAGIC = 0x958458f6L;
  private static final long MFD_CLOEXEC = 0x1;
  private static final long MFD_ALLOW_SEALING = 0x2;
  private static final long MFD_NOEXEC_SEAL = 0x8;
  private static final long F_ADD_SEALS = 1033;
  private static final long F_GET_SEALS = 1034;
  private static final long PROT_READ = 1;
  private static final long PROT_WRITE = 2;
  private static final long MAP_SHARED = 1;

  private MemoryCalls() {}

  /**
   * Creates an empty anonymous file that can be sealed and is closed on exec.
   *
   * @param name for {@code /proc/self/fd}, at most 249 bytes
   * @return the descriptor
   */
  public static int memfdCreate(String name) {
    try (Arena arena = Arena.ofConfined()) {
      long nameAddress = arena.allocateFrom(name).address();
      long flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
      // Systems with vm.memfd_noexec=2 demand the flag, kernels before 6.3 don't know it.
      long result = Kernel.call(Syscall.MEMFD_CREATE, nameAddress, flags | MFD_NOEXEC_SEAL);
      if (result == -Errno.EINVAL) {
        result = Kernel.call(Syscall.MEMFD_CREATE, nameAddress, flags);
      }
      return (int) Kernel.require(Syscall.MEMFD_CREATE, result, name);
    }
  }

  /**
   * Sets the size of a file; new bytes are zero and not allocated yet.
   *
   * @param fd the descriptor
   * @param byteSize the new size
   */
  public static void ftruncate(int fd, long byteSize) {
    Kernel.require(
        Syscall.FTRUNCATE,
        Kernel.call(Syscall.FTRUNCATE, fd, byteSize),
        fd + ", " + byteSize + " bytes");
  }

  /**
   * Allocates the first bytes of a file, which grows if it is smaller.
   *
   * @param fd the descriptor
   * @param byteSize how many bytes
   */
  public static void fallocate(int fd, long byteSize) {
    Kernel.require(
        Syscall.FALLOCATE,
        Kernel.call(Syscall.FALLOCATE, fd, 0, 0, byteSize),
        fd + ", " + byteSize + " bytes");
  }

  /**
   * Adds seals.
   *
   * @param fd a memory descriptor
   * @param seals bits {@code F_SEAL_...}
   */
  public static void addSeals(int fd, int seals) {
    Kernel.require(
        Syscall.FCNTL, Kernel.call(Syscall.FCNTL, fd, F_ADD_SEALS, seals), fd + ", F_ADD_SEALS");
  }

  /**
   * The seals of a file.
   *
   * @param fd any descriptor
   * @return bits {@code F_SEAL_...}, or the negated error number: this kind of file has no seals
   */
  public static int getSeals(int fd) {
    return (int) Kernel.call(Syscall.FCNTL, fd, F_GET_SEALS, 0);
  }

  /**
   * Whether a file lies in huge pages that were set aside ({@code MFD_HUGETLB}).
   *
   * @param fd a descriptor of a file in memory: another file system might not answer
   * @return whether its file system is hugetlbfs
   */
  public static boolean isHugetlb(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment statfs = arena.allocate(STATFS_BYTES, Long.BYTES);
      Kernel.require(
          Syscall.FSTATFS,
          Kernel.call(Syscall.FSTATFS, fd, statfs.address()),
          Integer.toString(fd));
      return statfs.get(ValueLayout.JAVA_LONG, 0) == HUGETLBFS_MAGIC; // f_type comes first
    }
  }

  /**
   * Maps the first bytes of a file, shared with all others that map it.
   *
   * @param fd the descriptor
   * @param byteSize how many bytes
   * @param writable whether to map for writing, too
   * @return the address, or the negated error number: the descriptor does not allow it
   */
  public static long mmap(int fd, long byteSize, boolean writable) {
    long protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    long result = Kernel.call(Syscall.MMAP, 0, byteSize, protection, MAP_SHARED, fd, 0);
    if (result == -Errno.EPERM || result == -Errno.EACCES) {
      return result;
    }
    return Kernel.require(Syscall.MMAP, result, fd + ", " + byteSize + " bytes");
  }

  /**
   * A mapping as a segment that is never closed; {@link #munmap} ends it.
   *
   * @param address a result of {@link #mmap}
   * @param byteSize its size
   * @return a segment of the global scope, accessible from every thread
   */
  @SuppressWarnings("restricted")
  public static MemorySegment segmentOf(long address, long byteSize) {
    return MemorySegment.ofAddress(address).reinterpret(byteSize);
  }

  /**
   * Ends a mapping.
   *
   * @param mapping the whole mapping
   */
  public static void munmap(MemorySegment mapping) {
    Kernel.require(
        Syscall.MUNMAP,
        Kernel.call(Syscall.MUNMAP, mapping.address(), mapping.byteSize()),
        mapping.byteSize() + " bytes");
  }

  /**
   * Tells the kernel how a mapping will be used; a refusal changes nothing and is ignored.
   *
   * @param mapping page-aligned mapped memory
   * @param advice {@code MADV_...}
   */
  public static void madvise(MemorySegment mapping, int advice) {
    long _ = Kernel.call(Syscall.MADVISE, mapping.address(), mapping.byteSize(), advice);
  }
}
