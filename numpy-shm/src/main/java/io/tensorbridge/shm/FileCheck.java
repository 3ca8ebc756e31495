package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.MemoryCalls;
import io.tensorbridge.shm.internal.posix.OpenFile;
import java.util.List;
import java.util.Optional;

/** Decides whether a file that a peer sends may be mapped. */
final class FileCheck {
  /** What {@code /proc/self/fd} calls objects that are closed without waiting for anybody. */
  private static final List<String> QUICK =
      List.of("anon_inode:[eventfd]", "anon_inode:[pidfd]", "pidfd:", "pipe:", "/dev/null");

  private FileCheck() {}

  /**
   * Checks a descriptor without ever waiting for a file system.
   *
   * @throws ProtocolException as {@link SharedFile#adopt}
   */
  static void require(String name, int fd, long byteSize) {
    boolean memory = MemoryCalls.getSeals(fd) >= 0;
    OpenFile file = DescriptorCalls.openFile(fd);
    requireForm(name, file);
    if (memory) {
      AllocationCheck.requireSmallPages(name, fd);
    } else {
      requireTrusted(name, MountTable.now().typeOf(file));
    }
    requireSize(name, file, byteSize, memory);
  }

  static void requireForm(String name, OpenFile file) {
    if (!file.isRegular()) {
      throw refused(
          name, "is no regular file but a directory, pipe, socket or device; send a regular file");
    }
    if (!file.isReadable()) {
      throw refused(name, "was not opened for reading; open it with O_RDONLY");
    }
  }

  static void requireTrusted(String name, Optional<String> fileSystem) {
    if (fileSystem.isEmpty()) {
      throw refused(
          name,
          "lies in a file system that this process has not mounted, and so knows nothing of; mount it"
              + " here as well, or copy the bytes into a sealed region");
    }
    if (MountTable.isServedByProcess(fileSystem.get())) {
      throw refused(
          name,
          "lies in a file system of type " + fileSystem.get() + ", whose process may never give a"
              + " page; copy the bytes into a sealed region");
    }
  }

  /** As {@link SharedFile#closingMayWait}. */
  static boolean closingMayWait(int fd) {
    if (MemoryCalls.getSeals(fd) >= 0) {
      return false;
    }
    OpenFile file = DescriptorCalls.openFile(fd);
    if (file.isRegular()) {
      return MountTable.now().typeOf(file).map(MountTable::isServedByProcess).orElse(true);
    }
    String target = ProcLink.targetOf(fd);
    return QUICK.stream().noneMatch(target::startsWith);
  }

  private static void requireSize(String name, OpenFile file, long byteSize, boolean memory) {
    if (byteSize <= 0 || file.byteSize() != byteSize) {
      throw new ProtocolException(
          ErrorCode.REGION_SIZE_MISMATCH,
          name + " is announced with " + byteSize + " bytes but has " + file.byteSize());
    }
    if (memory && file.allocatedBytes() < byteSize) {
      throw new ProtocolException(
          ErrorCode.REGION_SIZE_MISMATCH,
          name + " lies in memory, and has only " + file.allocatedBytes() + " of its " + byteSize
              + " bytes allocated; call posix_fallocate before sending it");
    }
  }

  private static ProtocolException refused(String name, String why) {
    return new ProtocolException(
        ErrorCode.UNSEALED_REGION, name + " can't be registered as a file: it " + why);
  }
}
