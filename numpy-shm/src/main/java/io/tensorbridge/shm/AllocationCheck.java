package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.FileStatus;
import io.tensorbridge.shm.internal.posix.MemoryCalls;

/** Compares a memory file with what its sender announced. */
final class AllocationCheck {
  private AllocationCheck() {}

  static void require(String name, int fd, long byteSize) {
    requireSmallPages(name, fd);
    FileStatus status = DescriptorCalls.fstat(fd);
    if (byteSize <= 0 || status.byteSize() != byteSize) {
      throw new ProtocolException(
          ErrorCode.REGION_SIZE_MISMATCH,
          "region " + name + " is announced with " + byteSize + " bytes but has "
              + status.byteSize());
    }
    if (status.allocatedBytes() < byteSize) {
      throw new ProtocolException(
          ErrorCode.REGION_SIZE_MISMATCH,
          "region " + name + " has only " + status.allocatedBytes() + " of its " + byteSize
              + " bytes allocated; call posix_fallocate before sealing it");
    }
  }

  /**
   * A writer can punch holes into a file whatever its seals for size. Ordinary memory then gives an
   * empty page to who touches it; of huge pages none may be left, and the kernel sends SIGBUS, which
   * ends a JVM.
   */
  static void requireSmallPages(String name, int fd) {
    if (MemoryCalls.isHugetlb(fd)) {
      throw new ProtocolException(
          ErrorCode.UNSEALED_REGION,
          "region " + name + " lies in huge pages (MFD_HUGETLB), which may be missing when they are"
              + " touched; create it without that flag, and let the kernel find large pages for it"
              + " (MADV_HUGEPAGE)");
    }
  }
}
