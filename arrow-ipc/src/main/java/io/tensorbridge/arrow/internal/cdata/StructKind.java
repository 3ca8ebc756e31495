package io.tensorbridge.arrow.internal.cdata;

/**
 * The three structs of the C Data interface on a machine of 64 bits, as offsets of their members.
 *
 * <pre>
 *        ArrowSchema     ArrowArray      ArrowArrayStream
 *    0   format          length          get_schema
 *    8   name            null_count      get_next
 *   16   metadata        offset          get_last_error
 *   24   flags           n_buffers       release
 *   32   n_children      n_children      private_data
 *   40   children        buffers
 *   48   dictionary      children
 *   56   release         dictionary
 *   64   private_data    release
 *   72                   private_data
 * </pre>
 */
public enum StructKind {
  /** {@code struct ArrowSchema}. */
  SCHEMA(72, 56, 40, 48),
  /** {@code struct ArrowArray}. */
  ARRAY(80, 64, 48, 56),
  /** {@code struct ArrowArrayStream}. */
  STREAM(40, 24, -1, -1);

  /** Offset in a schema: its type as a string. */
  public static final int FORMAT = 0;
  /** Offset in a schema: a string or null. */
  public static final int NAME = 8;
  /** Offset in a schema: pairs of keys and values, or null. */
  public static final int METADATA = 16;
  /** Offset in a schema: bits. */
  public static final int FLAGS = 24;
  /** Offset in a schema or array: the number of children. */
  public static final int CHILD_COUNT = 32;
  /** Offset in an array: rows. */
  public static final int LENGTH = 0;
  /** Offset in an array: rows that are null, or -1. */
  public static final int NULL_COUNT = 8;
  /** Offset in an array: rows to be skipped in the buffers. */
  public static final int OFFSET = 16;
  /** Offset in an array: the number of buffers. */
  public static final int BUFFER_COUNT = 24;
  /** Offset in an array: the addresses of buffers. */
  public static final int BUFFERS = 40;
  /** Offset in a stream: a function. */
  public static final int GET_SCHEMA = 0;
  /** Offset in a stream: a function. */
  public static final int GET_NEXT = 8;
  /** Offset in a stream: a function. */
  public static final int GET_LAST_ERROR = 16;

  private final int byteSize;
  private final int release;
  private final int children;
  private final int dictionary;

  StructKind(int byteSize, int release, int children, int dictionary) {
    this.byteSize = byteSize;
    this.release = release;
    this.children = children;
    this.dictionary = dictionary;
  }

  /**
   * The size of the struct.
   *
   * @return bytes
   */
  public int byteSize() {
    return byteSize;
  }

  /**
   * Where the release callback stands.
   *
   * @return an offset
   */
  public int release() {
    return release;
  }

  /**
   * Where the producer's own word stands.
   *
   * @return an offset
   */
  public int privateData() {
    return release + Long.BYTES;
  }

  /**
   * Where the addresses of the children stand.
   *
   * @return an offset; -1 in a stream
   */
  public int children() {
    return children;
  }

  /**
   * Where the address of the dictionary stands.
   *
   * @return an offset; -1 in a stream
   */
  public int dictionary() {
    return dictionary;
  }
}
