package io.tensorbridge.shm;

import io.tensorbridge.Region;

/** What came of a mapping: a region, or the kernel's refusal to map this descriptor so. */
sealed interface MapResult {
  /**
   * It is mapped.
   *
   * @param region owned by the caller
   */
  record Mapped(Region region) implements MapResult {}

  /**
   * The descriptor was opened without the permission, or a seal forbids it.
   *
   * @param errno EPERM or EACCES
   */
  record Refused(int errno) implements MapResult {}
}
