package io.tensorbridge.shm;

import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.MemoryCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** Descriptors that a peer may send in place of a proper region. */
final class HostileFd {
  static final int SIZE_SEALS =
      MemoryCalls.F_SEAL_SEAL | MemoryCalls.F_SEAL_SHRINK | MemoryCalls.F_SEAL_GROW;

  private HostileFd() {}

  static Fd memory(long byteSize, int seals) {
    Fd fd = sparse(byteSize, 0);
    MemoryCalls.fallocate(fd.number(), byteSize);
    MemoryCalls.addSeals(fd.number(), seals);
    return fd;
  }

  static Fd sparse(long byteSize, int seals) {
    Fd fd = Fd.owning(MemoryCalls.memfdCreate("hostile"));
    MemoryCalls.ftruncate(fd.number(), byteSize);
    MemoryCalls.addSeals(fd.number(), seals);
    return fd;
  }

  /** Raises the counter of an eventfd as far as it goes. */
  static void fill(Fd eventfd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment most = arena.allocateFrom(ValueLayout.JAVA_LONG, -2L);
      long room = DescriptorCalls.write(eventfd.number(), most);
      if (room < 0) {
        throw new IllegalStateException("only a silent doorbell can be filled at once");
      }
    }
  }

  static Fd file(Path path, long byteSize) {
    int flags = DescriptorCalls.O_RDWR | DescriptorCalls.O_CREAT | DescriptorCalls.O_EXCL;
    Fd fd = Fd.owning(DescriptorCalls.open(path.toString(), flags));
    MemoryCalls.fallocate(fd.number(), byteSize);
    return fd;
  }
}
