package io.tensorbridge.arrow;

import io.tensorbridge.Backing;
import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The values of one field in one record batch, in place; immutable and thread-safe.
 *
 * <p>A column is its field, its length, the number of its nulls, buffers in the order of {@link
 * #layout()}, the columns of nested values, and the dictionary if it holds indexes. Every buffer
 * begins with the first row: there are no offsets. The memory is not owned: it is valid as long as
 * what it was read from is open.
 *
 * <p>Every access checks the offsets that it follows, so that damaged or changing files end in a
 * {@link FormatException}. Rows are counted from the batch's first.
 */
public final class ArrowColumn {
  /** The null count of a column whose nulls were not counted. */
  public static final long NOT_COUNTED = -1;

  static final String RISING = "rising offsets within the values";
  static final String UTF_8 = "text in UTF-8";
  static final String TYPE_IDS = "type ids of the union's children";

  static final int INLINE_BYTES = 12;

  private final ArrowField field;
  private final ArrowLayout layout;
  private final long length;
  private final long nullCount;
  private final List<ColumnBuffer> buffers;
  private final List<ArrowColumn> children;
  private final Optional<ArrowColumn> dictionary;

  ArrowColumn(
      ArrowField field,
      long length,
      long nullCount,
      List<ColumnBuffer> buffers,
      List<ArrowColumn> children,
      Optional<ArrowColumn> dictionary) {
    this.field = field;
    this.layout = field.storageType().layout();
    this.length = length;
    this.nullCount = nullCount;
    this.buffers = List.copyOf(buffers);
    this.children = List.copyOf(children);
    this.dictionary = dictionary;
  }

  /**
   * A column of memory.
   *
   * @param field name and type
   * @param length rows
   * @param nullCount how many of them are null; {@link #NOT_COUNTED} to have them counted
   * @param buffers in the order of the layout, those that views lead to behind; empty for a validity
   *     that was left out
   * @param children the columns of nested values; none if there is a dictionary
   * @param dictionary the values that indexes refer to
   * @return the column, which owns nothing
   * @throws FormatException if a buffer or a child is too short
   * @throws IllegalArgumentException if there are other buffers, children or dictionaries than the
   *     field needs
   */
  public static ArrowColumn of(
      ArrowField field,
      long length,
      long nullCount,
      List<MemorySegment> buffers,
      List<ArrowColumn> children,
      Optional<ArrowColumn> dictionary) {
    ArrowLayout layout = field.storageType().layout();
    int fixed = layout.buffers().size();
    if (buffers.size() < fixed || (buffers.size() > fixed && !layout.variadic())
        || children.size() != field.storageChildren().size()
        || dictionary.isPresent() != field.dictionaryEncoded()) {
      throw new IllegalArgumentException(field + " with " + buffers.size() + " buffers, "
          + children.size() + " children and " + (dictionary.isPresent() ? "a" : "no")
          + " dictionary");
    }
    List<ColumnBuffer> places = buffers.stream().map(ColumnBuffer::inMemory).toList();
    long nulls = nullCount == NOT_COUNTED ? countNulls(layout, length, places) : nullCount;
    ArrowColumn column = new ArrowColumn(field, length, nulls, places, children, dictionary);
    ColumnCheck.requireConsistent(column,
        new ByteSource(ColumnBuffer.IN_MEMORY, 0, MemorySegment.NULL));
    return column;
  }

  private static long countNulls(ArrowLayout layout, long length, List<ColumnBuffer> buffers) {
    if (layout.buffers().isEmpty() && layout.childCount() == 0) {
      return length;
    }
    if (!layout.hasValidity() || buffers.getFirst().size() == 0) {
      return 0;
    }
    ColumnBuffer validity = buffers.getFirst();
    if (validity.size() < layout.buffers().getFirst().byteLength(length)) {
      return length; // which the check refuses
    }
    long values = 0;
    long row = 0;
    for (; row + Byte.SIZE <= length; row += Byte.SIZE) {
      values += Integer.bitCount(validity.byteAt(row >> 3) & 0xFF);
    }
    for (; row < length; row++) {
      values += validity.bitAt(row) ? 1 : 0;
    }
    return length - values;
  }

  /** The nulls that the validity tells. */
  long countedNulls() {
    return countNulls(layout, length, buffers);
  }

  /** The first rows. */
  ArrowColumn head(long rows) {
    if (rows == length) {
      return this;
    }
    long nulls = nullCount == 0 ? 0 : countNulls(layout, rows, buffers);
    return new ArrowColumn(field, rows, nulls, buffers, children, dictionary);
  }

  /**
   * Checks every row, which nothing does before a row is asked for: that offsets, views, type ids,
   * indexes and ends of runs lead to values, that text is UTF-8, and the number of nulls. Needed
   * before the buffers are given to code that trusts them.
   *
   * <p>Takes time that grows with the buffers.
   *
   * @throws FormatException with the byte and the rule, if a row breaks one
   */
  public void validate() {
    ColumnValidation.requireValid(this);
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

  /**
   * Name and type.
   *
   * @return the field
   */
  public ArrowField field() {
    return field;
  }

  /**
   * What the buffers of this column are: those of the indexes if there is a dictionary.
   *
   * @return the layout
   */
  public ArrowLayout layout() {
    return layout;
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
   * The number of rows that are null, not counting those of children, runs or a dictionary.
   *
   * @return at least 0
   */
  public long nullCount() {
    return nullCount;
  }

  /**
   * The memory, in the order of {@link #layout()}, with the buffers that views lead to behind.
   *
   * <p>A buffer may be longer than the rows need. A validity buffer may be empty if there are no
   * nulls, offsets may be if there are no rows.
   *
   * @return in place, or decompressed; little-endian, not necessarily aligned
   */
  public List<MemorySegment> buffers() {
    return buffers.stream().map(ColumnBuffer::bytes).toList();
  }

  /**
   * The buffer of a kind.
   *
   * @param kind one that the layout has
   * @return in place, or decompressed
   * @throws IllegalStateException if the layout has none
   */
  public MemorySegment buffer(BufferKind kind) {
    return only(kind).bytes();
  }

  /**
   * What stands behind the buffers, and so what may touch them: kernels copy what is in a file.
   *
   * @return {@link Backing#FILE} if any buffer is in one; private if there are no bytes at all
   */
  public Backing backing() {
    Backing found = Backing.PRIVATE;
    for (ColumnBuffer buffer : buffers) {
      if (buffer.backing() == Backing.FILE) {
        return Backing.FILE;
      } else if (buffer.size() > 0 && buffer.backing() != Backing.PRIVATE) {
        found = buffer.backing();
      }
    }
    return found;
  }

  ColumnBuffer buffer(int index) {
    return buffers.get(index);
  }

  int bufferCount() {
    return buffers.size();
  }

  private ColumnBuffer only(BufferKind kind) {
    int index = layout.indexOf(kind);
    if (index < 0) {
      throw new IllegalStateException(field + " has no " + kind);
    }
    return buffers.get(index);
  }

  /**
   * The columns of nested values.
   *
   * @return in the order of the field's children; none if there is a dictionary
   */
  public List<ArrowColumn> children() {
    return children;
  }

  /**
   * The values that indexes refer to.
   *
   * @return present if the field is dictionary-encoded
   */
  public Optional<ArrowColumn> dictionary() {
    return dictionary;
  }

  /**
   * Whether a row is null. Rows of unions and runs are not, but what they lead to may be.
   *
   * @param row its index
   * @return true if it has no value
   */
  public boolean isNull(long row) {
    Objects.checkIndex(row, length);
    return layout.hasValidity()
        ? nullCount > 0 && !buffers.getFirst().bitAt(row)
        : field.type() instanceof ArrowType.Null;
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
      if ((row & 7) == 0 && rows.end - row >= 8 && layout.hasValidity()
          && buffers.getFirst().byteAt(row >> 3) == -1) {
        row += 8;
      } else if (isNull(row)) {
        return row;
      } else {
        row++;
      }
    }
    return -1;
  }

  /**
   * The values of a row of lists, or the bytes of a row of bytes.
   *
   * @param row its index
   * @return a run of the only child, or of the data
   * @throws FormatException if the offsets lead elsewhere
   * @throws IllegalStateException if the type has no runs in one place
   */
  public Extent extent(long row) {
    Objects.checkIndex(row, length);
    if (layout.indexOf(BufferKind.OFFSETS) >= 0) {
      int data = layout.indexOf(BufferKind.DATA);
      return offsets(row, data < 0 ? children.getFirst().length : buffers.get(data).size());
    }
    if (layout.indexOf(BufferKind.SIZES) >= 0) {
      return view(row, children.getFirst().length);
    }
    if (field.storageType() instanceof ArrowType.FixedSizeList(int size)) {
      return new Extent(row * size, (row + 1) * size);
    }
    throw new IllegalStateException(field + " has no runs");
  }

  private Extent offsets(long row, long limit) {
    ColumnBuffer offsets = only(BufferKind.OFFSETS);
    long bits = bits(BufferKind.OFFSETS);
    long begin = offsets.integer(row, bits);
    long end = offsets.integer(row + 1, bits);
    if (begin < 0 || end < begin || end > limit) {
      throw offsets.broken(row * bits / Byte.SIZE, RISING, "row " + row + " of the column \""
          + field.name() + "\" takes [" + begin + ", " + end + ") of " + limit);
    }
    return new Extent(begin, end);
  }

  private Extent view(long row, long limit) {
    ColumnBuffer positions = only(BufferKind.POSITIONS);
    long bits = bits(BufferKind.POSITIONS);
    long begin = positions.integer(row, bits);
    long size = only(BufferKind.SIZES).integer(row, bits);
    if (begin < 0 || size < 0 || begin > limit - size) {
      throw positions.broken(row * bits / Byte.SIZE, RISING, "row " + row + " of the column \""
          + field.name() + "\" views " + size + " values at " + begin + " of " + limit);
    }
    return new Extent(begin, begin + size);
  }

  private long bits(BufferKind kind) {
    return layout.buffers().get(layout.indexOf(kind)).elementBits();
  }

  /**
   * A row of bytes or text, of any length or of a fixed one.
   *
   * @param row its index
   * @return the bytes in place
   * @throws FormatException if the offsets lead elsewhere
   * @throws IllegalStateException if these are no bytes
   */
  public ByteSource bytes(long row) {
    if (layout.variadic()) {
      return viewed(row);
    }
    if (field.storageType() instanceof ArrowType.FixedSizeBinary(int width)) {
      return only(BufferKind.VALUES).slice(Objects.checkIndex(row, length) * width, width);
    }
    Extent extent = extent(row);
    return only(BufferKind.DATA).slice(extent.begin, extent.length());
  }

  /** 4 bytes of length, then the bytes; or 4 of them, the index of a buffer, and an offset in it. */
  private ByteSource viewed(long row) {
    Objects.checkIndex(row, length);
    ColumnBuffer views = only(BufferKind.VIEWS);
    long at = row * ArrowLayout.VIEW_BYTES;
    int size = views.intAt(at);
    if (size >= 0 && size <= INLINE_BYTES) {
      return views.slice(at + Integer.BYTES, size);
    }
    int fixed = layout.buffers().size();
    long buffer = views.intAt(at + 8) + (long) fixed;
    int offset = views.intAt(at + 12);
    if (size < 0 || buffer < fixed || buffer >= buffers.size() || offset < 0
        || offset > buffers.get((int) buffer).size() - size) {
      throw views.broken(at, RISING, "row " + row + " of the column \"" + field.name()
          + "\" views " + size + " bytes at " + offset);
    }
    return buffers.get((int) buffer).slice(offset, size);
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
   * A row of true and false.
   *
   * @param row its index
   * @return the value
   * @throws IllegalStateException if these are other values
   */
  public boolean bool(long row) {
    if (!(field.storageType() instanceof ArrowType.Bool)) {
      throw new IllegalStateException(field + " is not of true and false");
    }
    return only(BufferKind.VALUES).bitAt(Objects.checkIndex(row, length));
  }

  /**
   * A row of whole numbers, or of dates, times and durations in their unit.
   *
   * @param row its index
   * @return the number; unsigned ones of 64 bits as they are
   * @throws IllegalStateException if these are no whole numbers
   */
  public long integer(long row) {
    if (field.dictionaryEncoded()) {
      throw new IllegalStateException(field + " has indexes into a dictionary");
    }
    return switch (field.type()) {
      case ArrowType.Int(int bits, boolean signed) -> integer(row, bits, signed);
      case ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _ ->
          integer(row, layout.valueBits(), true);
      case ArrowType.Interval(ArrowType.IntervalUnit unit) when unit == ArrowType.IntervalUnit.YEAR_MONTH ->
          integer(row, layout.valueBits(), true);
      case ArrowType.Null _,ArrowType.Bool _,ArrowType.Floating _,ArrowType.Decimal _,ArrowType.Interval _,ArrowType.FixedSizeBinary _,ArrowType.Bytes _,ArrowType.BytesView _,ArrowType.ListOf _,ArrowType.ListView _,ArrowType.FixedSizeList _,ArrowType.Struct _,ArrowType.Map _,ArrowType.Union _,ArrowType.RunEndEncoded _ ->
          throw new IllegalStateException(field + " has no whole numbers");
    };
  }

  private long integer(long row, long bits, boolean signed) {
    long value = only(BufferKind.VALUES).integer(Objects.checkIndex(row, length), bits);
    return signed || bits == 64 ? value : value & (1L << bits) - 1;
  }

  /**
   * A row's index into the dictionary.
   *
   * @param row its index, of no null
   * @return a row of {@link #dictionary()}
   * @throws FormatException if the dictionary has fewer
   * @throws IllegalStateException if there is no dictionary
   */
  public long dictionaryIndex(long row) {
    ArrowColumn values = dictionary
        .orElseThrow(() -> new IllegalStateException(field + " has no dictionary"));
    ArrowType.Int type = field.dictionary().orElseThrow().indexType();
    long index = integer(row, type.bits(), type.signed());
    if (index < 0 || index >= values.length) {
      throw only(BufferKind.VALUES).broken(row * type.bits() / Byte.SIZE,
          "indexes within the dictionary", "row " + row + " of the column \"" + field.name()
              + "\" has the index " + index + " into a dictionary of " + values.length);
    }
    return index;
  }

  /**
   * A row of floats.
   *
   * @param row its index
   * @return the number
   * @throws IllegalStateException if these are no floats
   */
  public double floating(long row) {
    if (!(field.storageType() instanceof ArrowType.Floating(int bits))) {
      throw new IllegalStateException(field + " has no floats");
    }
    long stored = integer(row, bits, true);
    return switch (bits) {
      case 16 -> Float.float16ToFloat((short) stored);
      case 32 -> Float.intBitsToFloat((int) stored);
      default -> Double.longBitsToDouble(stored);
    };
  }

  /**
   * A row of decimals.
   *
   * @param row its index
   * @return the number with the scale of the type
   * @throws IllegalStateException if these are no decimals
   */
  public BigDecimal decimal(long row) {
    if (!(field.storageType() instanceof ArrowType.Decimal(_, int scale, int bits))) {
      throw new IllegalStateException(field + " has no decimals");
    }
    int size = bits / Byte.SIZE;
    byte[] stored =
        only(BufferKind.VALUES).slice(Objects.checkIndex(row, length) * size, size).copy(0, size);
    byte[] bigEndian = new byte[size];
    for (int i = 0; i < size; i++) {
      bigEndian[i] = stored[size - 1 - i];
    }
    return new BigDecimal(new BigInteger(bigEndian), scale);
  }

  /**
   * Which child the row of a union is in.
   *
   * @param row its index
   * @return the index of a child
   * @throws FormatException if its type id stands for none
   * @throws IllegalStateException if this is no union
   */
  public int childIndex(long row) {
    if (!(field.storageType() instanceof ArrowType.Union(_, List<Integer> typeIds))) {
      throw new IllegalStateException(field + " is no union");
    }
    int id = only(BufferKind.TYPE_IDS).byteAt(Objects.checkIndex(row, length));
    int child = typeIds.indexOf(id);
    if (child < 0) {
      throw only(BufferKind.TYPE_IDS).broken(row, TYPE_IDS, "row " + row + " of the column \""
          + field.name() + "\" has the type id " + id + " where " + typeIds + " are known");
    }
    return child;
  }

  /**
   * Where in its child the row of a union is.
   *
   * @param row its index
   * @return a row of the child of {@link #childIndex}
   * @throws FormatException if the child has fewer
   * @throws IllegalStateException if this is no union
   */
  public long childRow(long row) {
    long rows = children.get(childIndex(row)).length;
    if (layout.indexOf(BufferKind.POSITIONS) < 0) {
      return row;
    }
    long position = only(BufferKind.POSITIONS).integer(row, Integer.SIZE);
    if (position < 0 || position >= rows) {
      throw only(BufferKind.POSITIONS).broken(row * Integer.BYTES, RISING, "row " + row
          + " of the column \"" + field.name() + "\" is value " + position + " of " + rows);
    }
    return position;
  }

  /**
   * The run that a row of a run-end encoded column is in, by binary search.
   *
   * @param row its index
   * @return a row of the second child
   * @throws FormatException if no run holds it
   * @throws IllegalStateException if there are no runs
   */
  public long run(long row) {
    Objects.checkIndex(row, length);
    if (!(field.storageType() instanceof ArrowType.RunEndEncoded)) {
      throw new IllegalStateException(field + " has no runs of equal values");
    }
    ArrowColumn ends = children.getFirst();
    long low = 0;
    long high = ends.length - 1;
    while (low < high) {
      long middle = (low + high) >>> 1;
      if (ends.integer(middle) > row) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    if (ends.integer(low) <= row) {
      throw ends.only(BufferKind.VALUES).broken(0, ColumnCheck.RUNS,
          "no run of the column \"" + field.name() + "\" holds row " + row);
    }
    return low;
  }

  /**
   * The stored values of a run of rows of fixed width.
   *
   * @param rows the run
   * @return their bytes in place, little-endian
   * @throws IllegalStateException if these have no width in bytes
   */
  public ByteSource numbers(Extent rows) {
    long bits = layout.valueBits();
    if (bits == 0 || bits % Byte.SIZE != 0) {
      throw new IllegalStateException(field + " has no numbers");
    }
    long size = bits / Byte.SIZE;
    return only(BufferKind.VALUES).slice(rows.begin * size, rows.length() * size);
  }

  @Override
  public String toString() {
    return field + " of " + length + " rows";
  }
}
