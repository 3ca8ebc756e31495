package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * The steps of the scheme {@code uniform}; stateless.
 *
 * <p>Codes take a byte each until they are packed. Segments are native and of any alignment; the
 * runs must lie within them.
 */
public interface UniformKernel {
  /**
   * The range of a run of values.
   *
   * @param source float32 values
   * @param sourceOffset where the run begins, in bytes
   * @param count how many
   * @return a {@link ValueRange}
   */
  long range(MemorySegment source, long sourceOffset, int count);

  /**
   * The codes of a run of values of one group.
   *
   * @param source float32 values
   * @param sourceOffset where the run begins, in bytes
   * @param count how many
   * @param scale the group's scale
   * @param zeroPoint the group's zero point
   * @param maxCode the greatest code
   * @param codes receives one byte for each value
   * @param codesOffset where they go, in bytes
   */
  void codes(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      float zeroPoint,
      int maxCode,
      MemorySegment codes,
      long codesOffset);

  /**
   * Scales, zero points and codes of a run of whole groups.
   *
   * @param source float32 values
   * @param sourceOffset where the run begins, in bytes
   * @param groupElements elements of each group
   * @param groups how many
   * @param rule gives scale and zero point
   * @param codes receives one byte for each value
   * @param codesOffset where they go, in bytes
   * @param parameters receives scales and zero points
   * @param firstGroup index of the first group among the parameters
   * @return the range of all values; if it is not finite, what was written means nothing
   */
  long groups(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int groups,
      UniformRule rule,
      MemorySegment codes,
      long codesOffset,
      GroupParameters parameters,
      int firstGroup);

  /**
   * Packs codes, low bits first; bits behind the last code become 0.
   *
   * @param codes one byte for each code
   * @param codesOffset where the run begins, in bytes
   * @param count how many
   * @param bits bits of a code: 2, 4 or 8
   * @param target receives the packed bytes
   * @param targetOffset where they go, in bytes
   */
  void pack(
      MemorySegment codes,
      long codesOffset,
      int count,
      int bits,
      MemorySegment target,
      long targetOffset);

  /**
   * Unpacks codes, low bits first.
   *
   * @param source packed bytes
   * @param sourceOffset where the run begins, in bytes
   * @param count how many codes
   * @param bits bits of a code: 2, 4 or 8
   * @param codes receives one byte for each code
   * @param codesOffset where they go, in bytes
   */
  void unpack(
      MemorySegment source,
      long sourceOffset,
      int count,
      int bits,
      MemorySegment codes,
      long codesOffset);

  /**
   * The values of a run of codes of one group.
   *
   * @param codes one byte for each code
   * @param codesOffset where the run begins, in bytes
   * @param count how many
   * @param scale the group's scale
   * @param zeroPoint the group's zero point
   * @param target receives float32 values
   * @param targetOffset where they go, in bytes
   */
  void values(
      MemorySegment codes,
      long codesOffset,
      int count,
      float scale,
      float zeroPoint,
      MemorySegment target,
      long targetOffset);
}
