package io.tensorbridge.shm.internal.posix;

/**
 * What {@code fstat} tells of a file.
 *
 * @param byteSize the size
 * @param allocatedBytes what is allocated of it, in memory or on disk
 */
public record FileStatus(long byteSize, long allocatedBytes) {}
