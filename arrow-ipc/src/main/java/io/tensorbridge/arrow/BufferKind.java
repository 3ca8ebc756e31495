package io.tensorbridge.arrow;

/** What a buffer of a column holds. */
public enum BufferKind {
  /** One bit a row, the lowest first: 1 for a value, 0 for null. Left out if there are no nulls. */
  VALIDITY,
  /** Where each row begins in the data or the child, rising, and the end of the last one. */
  OFFSETS,
  /** Where each row stands in the child, in any order: list views and dense unions. */
  POSITIONS,
  /** How many values of the child each row of a list view has. */
  SIZES,
  /** Which child of a union each row is in. */
  TYPE_IDS,
  /** A value of fixed width for each row. */
  VALUES,
  /** The bytes that {@link #OFFSETS} lead to. */
  DATA,
  /** A length and up to 12 bytes, or a length, 4 bytes, and where in which further buffer. */
  VIEWS
}
