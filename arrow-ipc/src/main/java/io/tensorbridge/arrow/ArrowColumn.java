package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;

/**
 * The values of one field in one record batch, in place; immutable and thread-safe.
 *
 * <p>Every access checks the offsets that it follows, so that damaged or changing files end in a
 * {@link FormatException}. Rows are counted from the batch's first.
 */
public final class ArrowColumn {
  static final String COUNTS = "lengths and null counts that agree";
  static final String LONG_ENOUGH = "buffers as long as the column";
  static final String RISING = "rising offsets within the values";
  static final String UTF_8 = "text in UTF-8";

  private static final int VIEW_BYTES = 16;
  private static final int INLINE_BYTES = 12;

  private final ArrowField field;
  private final long length;
  private final long nullCount;
  private final List<ByteSource> buffers;
  private final List<ArrowColumn> children;

  ArrowColumn(
      ArrowField field,
      long length,
      long nullCount,
      List<ByteSource> buffers,
      List<ArrowColumn> children) {
    this.field = field;
    this.length = length;
    this.nullCount = nullCount;
    this.buffers = List.copyOf(buffers);
    this.children = List.copyOf(children);
  }

  /**
   * A run of values of a child, or of bytes.
   *
   * @param begin the first, inclusive
   * @param end the last, exclusive
   */
  public record Extent(long begin, long end) {
    /**
     * How many.
     *
     * @return values or bytes
     */
    public long length() {
      return end - begin;
    }
  }

  /** Checks that all buffers are as long as the rows need, but not what is in them. */
  void requireConsistent(ByteSource metadata) {
    if (length < 0 || nullCount < 0 || nullCount > length) {
      throw metadata.broken(0, COUNTS, "the column \"" + field.name() + "\" of " + length
          + " rows has " + nullCount + " nulls");
    }
    if (field.dictionaryEncoded() || field.type() instanceof ArrowType.Other) {
      return;
    }
    if (nullCount > 0) {
      requireBytes(0, length / 8 + (length % 8 == 0 ? 0 : 1), 1, metadata);
    }
    switch (field.type()) {
      case ArrowType.Int(int bits, _) -> requireBytes(1, length, bits / 8, metadata);
      case ArrowType.Floating(int bits) -> requireBytes(1, length, bits / 8, metadata);
      case ArrowType.Bytes(_, boolean large) -> requireOffsets(large, metadata);
      case ArrowType.BytesView _ -> requireBytes(1, length, VIEW_BYTES, metadata);
      case ArrowType.ListOf(boolean large) -> requireOffsets(large, metadata);
      case ArrowType.FixedSizeList(int size) -> {
        if (size > 0 && children.getFirst().length / size < length) {
          throw tooShort(metadata, children.getFirst().length + " values");
        }
      }
      case ArrowType.Struct _ -> {
        for (ArrowColumn child : children) {
          if (child.length < length) {
            throw tooShort(metadata, child.length + " values of \"" + child.field.name() + '"');
          }
        }
      }
      case ArrowType.Other _ -> {
      }
    }
  }

  private void requireOffsets(boolean large, ByteSource metadata) {
    if (length > 0) {
      requireBytes(1, length, large ? Long.BYTES : Integer.BYTES, metadata);
      requireBytes(1, length + 1, large ? Long.BYTES : Integer.BYTES, metadata);
    }
  }

  private void requireBytes(int buffer, long count, int size, ByteSource metadata) {
    if (buffers.get(buffer).size() / size < count) {
      throw tooShort(metadata, "a buffer of " + buffers.get(buffer).size() + " bytes");
    }
  }

  private FormatException tooShort(ByteSource metadata, String found) {
    return metadata.broken(0, LONG_ENOUGH, "the column \"" + field.name() + "\" ("
        + field.typeText() + ") of " + length + " rows has " + found);
  }

  /**
   * Name and type.
   *
   * @return the field
   */
  public ArrowField field() {
    return field;
  }

  /**
   * The number of rows.
   *
   * @return at least 0
   */
  public long length() {
    return length;
  }

  /**
   * The columns of nested values.
   *
   * @return in the order of the field's children
   */
  public List<ArrowColumn> children() {
    return children;
  }

  /**
   * Whether a row is null.
   *
   * @param row its index
   * @return true if it has no value
   */
  public boolean isNull(long row) {
    Objects.checkIndex(row, length);
    return nullCount > 0 && (byteAt(0, row >> 3) >> (row & 7) & 1) == 0;
  }

  /**
   * The first null of a run of rows.
   *
   * @param rows the run
   * @return its index, or -1 if there is none
   */
  public long firstNull(Extent rows) {
    if (nullCount == 0) {
      return -1;
    }
    long row = rows.begin;
    while (row < rows.end) {
      if ((row & 7) == 0 && rows.end - row >= 8 && byteAt(0, row >> 3) == -1) {
        row += 8;
      } else if (isNull(row)) {
        return row;
      } else {
        row++;
      }
    }
    return -1;
  }

  private byte byteAt(int buffer, long offset) {
    return buffers.get(buffer).bytes().get(ValueLayout.JAVA_BYTE, offset);
  }

  /**
   * The values of a row of lists, or the bytes of a row of bytes.
   *
   * @param row its index
   * @return a run of the only child, or of the values' buffer
   * @throws FormatException if the offsets lead elsewhere
   * @throws IllegalStateException if the type has no runs in one place
   */
  public Extent extent(long row) {
    Objects.checkIndex(row, length);
    return switch (field.type()) {
      case ArrowType.Bytes(_, boolean large) -> extent(row, large, buffers.get(2).size());
      case ArrowType.ListOf(boolean large) -> extent(row, large, children.getFirst().length);
      case ArrowType.FixedSizeList(int size) -> new Extent(row * size, (row + 1) * size);
      case ArrowType.Int _,ArrowType.Floating _,ArrowType.BytesView _,ArrowType.Struct _,ArrowType.Other _ ->
          throw new IllegalStateException(field + " has no runs");
    };
  }

  private Extent extent(long row, boolean large, long limit) {
    int size = large ? Long.BYTES : Integer.BYTES;
    long begin = offset(row, large);
    long end = offset(row + 1, large);
    if (begin < 0 || end < begin || end > limit) {
      throw buffers.get(1).broken(row * size, RISING, "row " + row + " takes [" + begin + ", " + end
          + ") of " + limit);
    }
    return new Extent(begin, end);
  }

  private long offset(long index, boolean large) {
    MemorySegment offsets = buffers.get(1).bytes();
    return large
        ? offsets.get(ValueLayout.JAVA_LONG_UNALIGNED, index * Long.BYTES)
        : offsets.get(ValueLayout.JAVA_INT_UNALIGNED, index * Integer.BYTES);
  }

  /**
   * A row of bytes or text.
   *
   * @param row its index
   * @return the bytes in place
   * @throws FormatException if the offsets lead elsewhere
   * @throws IllegalStateException if these are no bytes
   */
  public ByteSource bytes(long row) {
    if (field.type() instanceof ArrowType.BytesView) {
      return view(row);
    }
    if (!(field.type() instanceof ArrowType.Bytes)) {
      throw new IllegalStateException(field + " has no bytes");
    }
    Extent extent = extent(row);
    return buffers.get(2).slice("", extent.begin, extent.length());
  }

  /** 4 bytes of length, then the bytes; or 4 of them, the index of a buffer, and an offset in it. */
  private ByteSource view(long row) {
    Objects.checkIndex(row, length);
    ByteSource views = buffers.get(1);
    long at = row * VIEW_BYTES;
    int size = IpcMessage.intAt(views, at);
    if (size >= 0 && size <= INLINE_BYTES) {
      return views.slice("", at + Integer.BYTES, size);
    }
    long buffer = IpcMessage.intAt(views, at + 8) + (long) field.type().bufferCount();
    int offset = IpcMessage.intAt(views, at + 12);
    if (size < 0 || buffer < field.type().bufferCount() || buffer >= buffers.size() || offset < 0
        || offset > buffers.get((int) buffer).size() - size) {
      throw views.broken(at, RISING, "row " + row + " views " + size + " bytes at " + offset);
    }
    return buffers.get((int) buffer).slice("", offset, size);
  }

  /**
   * A row of text.
   *
   * @param row its index
   * @return the text
   * @throws FormatException if it is no UTF-8, or the offsets lead elsewhere
   */
  public String text(long row) {
    return Utf8.decode(bytes(row), UTF_8);
  }

  /**
   * A row of whole numbers.
   *
   * @param row its index
   * @return the number; unsigned ones of 64 bits as they are
   * @throws IllegalStateException if these are no whole numbers
   */
  public long integer(long row) {
    if (!(field.type() instanceof ArrowType.Int(int bits, boolean signed))) {
      throw new IllegalStateException(field + " has no whole numbers");
    }
    Objects.checkIndex(row, length);
    MemorySegment values = buffers.get(1).bytes();
    long value =
        switch (bits) {
          case 8 -> values.get(ValueLayout.JAVA_BYTE, row);
          case 16 -> values.get(ValueLayout.JAVA_SHORT_UNALIGNED, row * Short.BYTES);
          case 32 -> values.get(ValueLayout.JAVA_INT_UNALIGNED, row * Integer.BYTES);
          default -> values.get(ValueLayout.JAVA_LONG_UNALIGNED, row * Long.BYTES);
        };
    return signed || bits == 64 ? value : value & (1L << bits) - 1;
  }

  /**
   * The stored values of a run of rows.
   *
   * @param rows the run, of numbers
   * @return their bytes in place, little-endian
   * @throws IllegalStateException if these are no numbers
   */
  public ByteSource numbers(Extent rows) {
    int size =
        switch (field.type()) {
          case ArrowType.Int(int bits, _) -> bits / 8;
          case ArrowType.Floating(int bits) -> bits / 8;
          case ArrowType.Bytes _,ArrowType.BytesView _,ArrowType.ListOf _,ArrowType.FixedSizeList _,ArrowType.Struct _,ArrowType.Other _ ->
              throw new IllegalStateException(field + " has no numbers");
        };
    return buffers.get(1).slice("", rows.begin * size, rows.length() * size);
  }

  @Override
  public String toString() {
    return field + " of " + length + " rows";
  }
}
