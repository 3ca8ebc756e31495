package io.tensorbridge.shm.internal.posix;

/**
 * What the kernel knows of an open file without asking its file system, which might not answer.
 *
 * @param openFlags {@code O_...}, how it was opened
 * @param mode type and permissions
 * @param byteSize the size, as last known
 * @param allocatedBytes what is allocated of it, in memory or on disk, as last known
 * @param mountId the mount by which it was opened, as in {@code /proc/self/mountinfo}, or {@link
 *     #NO_MOUNT_ID}
 * @param deviceMajor the number of the file system's device
 * @param deviceMinor the second part of that number
 */
public record OpenFile(
    int openFlags,
    int mode,
    long byteSize,
    long allocatedBytes,
    long mountId,
    int deviceMajor,
    int deviceMinor) {
  /** The kernel tells no mount: it is older than 5.8. */
  public static final long NO_MOUNT_ID = -1;

  private static final int TYPE_MASK = 0xf000;
  private static final int REGULAR = 0x8000;
  private static final int ACCESS_MASK = 3;
  private static final int O_PATH = 0x200000;

  /**
   * Whether it is a file with content of its own, rather than a directory, pipe, socket or device.
   *
   * @return true for a regular file
   */
  public boolean isRegular() {
    return (mode & TYPE_MASK) == REGULAR;
  }

  /**
   * Whether the descriptor was opened for reading, maybe for writing as well.
   *
   * @return false if it was opened for writing only, or as a mere place in the file system
   */
  public boolean isReadable() {
    int access = openFlags & ACCESS_MASK;
    return (openFlags & O_PATH) == 0
        && (access == DescriptorCalls.O_RDONLY || access == DescriptorCalls.O_RDWR);
  }
}
