package io.tensorbridge.shm.npy;

import io.tensorbridge.shm.file.ByteSource;

/**
 * A member of a zip archive.
 *
 * @param name its name in the archive
 * @param isCompressed whether the content is deflated
 * @param byteSize its size after decompression
 * @param crc32 the checksum of the decompressed bytes
 * @param content the bytes as they are stored
 */
record ZipMember(
    String name, boolean isCompressed, long byteSize, int crc32, ByteSource content) {}
