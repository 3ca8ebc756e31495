package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.FileStatus;

/** Compares a memory file with what its sender announced. */
final class AllocationCheck {
  private AllocationCheck() {}

  static void require(String name, int fd, long byteSize) {
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
}
