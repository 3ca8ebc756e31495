package io.tensorbridge.arrow.table;

import io.tensorbridge.file.TensorEntry;
import java.lang.foreign.MemorySegment;

/**
 * A tensor of a table, or a part of a quantized one.
 *
 * @param entry its description
 * @param bytes in the mapped file, as many as the entry tells
 */
record StoredTensor(TensorEntry entry, MemorySegment bytes) {}
