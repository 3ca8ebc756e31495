package io.tensorbridge.shm.npy;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Native memory of this process, aligned for vectors. */
final class PrivateMemory {
  private static final long ALIGNMENT = 64;

  private PrivateMemory() {}

  static MemorySegment allocate(Arena arena, long byteSize) {
    try {
      return arena.allocate(byteSize, ALIGNMENT);
    } catch (OutOfMemoryError full) {
      throw new ResourceException(
          ErrorCode.OUT_OF_MEMORY,
          "no room for a copy of " + byteSize + " bytes; raise -XX:MaxDirectMemorySize, or store"
              + " the array uncompressed, little-endian and in C order, which needs no copy",
          full);
    }
  }
}
