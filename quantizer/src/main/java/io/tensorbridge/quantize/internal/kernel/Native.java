package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** Brings segments to the one kind that kernels are compiled for. */
public final class Native {
  private Native() {}

  /**
   * The same native memory as a segment of global scope. Mapped, confined, shared and global
   * segments are different classes or scopes to the compiler, and a kernel that has met several is
   * much slower.
   *
   * <p>The view does not keep the memory alive: whoever owns the original keeps it until the view's
   * last use.
   *
   * @param segment a native segment
   * @return a view of the same bytes
   */
  @SuppressWarnings("restricted") // the view has the size of memory that the caller can access
  public static MemorySegment view(MemorySegment segment) {
    return MemorySegment.ofAddress(segment.address()).reinterpret(segment.byteSize());
  }
}
