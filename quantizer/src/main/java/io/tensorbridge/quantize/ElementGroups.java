package io.tensorbridge.quantize;

/** Which elements of a tensor, in the order in which their codes are stored, share a scale. */
interface ElementGroups {
  long elements();

  long groups();

  /** Elements of the longest group. */
  long longestGroup();

  /** The first element of a group. */
  long groupStart(long group);

  /** The element behind the last of a group. */
  long groupEnd(long group);

  /** The group that holds an element. */
  long groupAt(long element);

  /** The bytes that the first elements take once packed. */
  default long packedBytes(int bits, long elements) {
    return Math.ceilDiv(elements, (long) (8 / bits));
  }
}
