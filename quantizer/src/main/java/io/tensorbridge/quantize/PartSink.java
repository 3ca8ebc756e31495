package io.tensorbridge.quantize;

import java.lang.foreign.MemorySegment;

/**
 * Takes the parts of a result piece by piece, for example into a file, so that no part need ever be
 * in memory as a whole.
 *
 * <p>Pieces come in any order and from several threads at once; together they cover every byte of
 * every part exactly once. An exception ends the run.
 */
@FunctionalInterface
public interface PartSink {
  /**
   * Takes one piece.
   *
   * @param part index of the part in {@link Quantization#parts()}; 0 for a dequantization
   * @param byteOffset where the piece belongs in that part
   * @param bytes the piece: native memory that is valid during this call only
   */
  void write(int part, long byteOffset, MemorySegment bytes);
}
