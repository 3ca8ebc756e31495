package io.tensorbridge.quantize;

import io.tensorbridge.quantize.internal.kernel.GroupParameters;
import java.lang.foreign.MemorySegment;

/** Writes scales and zero points to their parts. */
record ParameterParts(Output output, boolean symmetric) {
  private static final int SCALES = 1;
  private static final int ZERO_POINTS = 2;

  /**
   * Writes the parameters of a run of groups.
   *
   * @param first index of the first group among all groups of the tensor
   * @param count how many
   * @param parameters theirs, from index {@code firstParameter}
   */
  void write(
      long first, int count, GroupParameters parameters, int firstParameter, Scratch scratch) {
    long byteOffset = first * Float.BYTES;
    long byteLength = (long) count * Float.BYTES;
    MemorySegment scales = output.claim(SCALES, byteOffset, byteLength, scratch);
    parameters.storeScales(firstParameter, scales);
    output.commit(SCALES, byteOffset, scales);
    if (!symmetric) {
      MemorySegment zeroPoints = output.claim(ZERO_POINTS, byteOffset, byteLength, scratch);
      parameters.storeZeroPoints(firstParameter, zeroPoints);
      output.commit(ZERO_POINTS, byteOffset, zeroPoints);
    }
  }
}
