package io.tensorbridge.quantize.model;

/**
 * Where everything lies in a file that is to be written.
 *
 * @param head the first bytes, up to the first tensor
 * @param offsets where the bytes of each entry begin in the file, in the order of the entries
 * @param byteSize of the whole file
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record FileLayout(byte[] head, long[] offsets, long byteSize) {}
