package io.tensorbridge.benches.peer;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What JPype and Py4J call: reads first and last element of a little-endian float32 array, in every
 * form in which they can hand one over.
 *
 * <p>The answer is one {@code long}, the bits of the first element in its lower half and those of the
 * last in its upper one, since an object would cost the caller further calls.
 */
public final class Touch {
  private static final ValueLayout.OfFloat ELEMENT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Touch() {}

  /**
   * Reads memory of the caller behind a buffer; the buffer's own byte order doesn't matter, JPype
   * hands over a big-endian one.
   *
   * @param elements at least one element
   * @return first and last element
   */
  public static long buffer(ByteBuffer elements) {
    return ends(MemorySegment.ofBuffer(elements));
  }

  /**
   * Reads memory of the caller at an address.
   *
   * @param address where the elements lie; the caller answers for it
   * @param byteLength of all elements, at least 4
   * @return first and last element
   */
  @SuppressWarnings("restricted")
  public static long address(long address, long byteLength) {
    return ends(MemorySegment.ofAddress(address).reinterpret(byteLength));
  }

  /**
   * Reads a copy that came as bytes.
   *
   * @param elements at least one element
   * @return first and last element
   */
  public static long bytes(byte[] elements) {
    return ends(MemorySegment.ofArray(elements));
  }

  /**
   * Reads a copy that came as elements.
   *
   * @param elements at least one
   * @return first and last element
   */
  public static long array(float[] elements) {
    return packed(elements[0], elements[elements.length - 1]);
  }

  private static long ends(MemorySegment elements) {
    return packed(
        elements.get(ELEMENT, 0), elements.get(ELEMENT, elements.byteSize() - Float.BYTES));
  }

  static long packed(float first, float last) {
    return Integer.toUnsignedLong(Float.floatToRawIntBits(first))
        | (long) Float.floatToRawIntBits(last) << Integer.SIZE;
  }
}
