package io.tensorbridge.arrow;

/**
 * A buffer that columns of a type have.
 *
 * @param kind what it holds
 * @param elementBits the width of an element; 8 for {@link BufferKind#DATA}
 */
public record BufferLayout(BufferKind kind, long elementBits) {
  /**
   * The bytes that a column needs at least; a column without rows may leave its offsets out.
   *
   * @param rows of the column
   * @return bytes; 0 for data, whose length only the offsets tell
   * @throws ArithmeticException if no buffer could have so many
   */
  public long byteLength(long rows) {
    long elements =
        switch (kind) {
          case OFFSETS -> rows == 0 ? 0 : Math.addExact(rows, 1);
          case DATA -> 0;
          case VALIDITY, POSITIONS, SIZES, TYPE_IDS, VALUES, VIEWS -> rows;
        };
    return elementBits % Byte.SIZE == 0
        ? Math.multiplyExact(elements, elementBits / Byte.SIZE)
        : Math.ceilDiv(Math.multiplyExact(elements, elementBits), (long) Byte.SIZE);
  }
}
