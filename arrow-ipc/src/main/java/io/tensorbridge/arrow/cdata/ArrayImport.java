package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowLayout;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BufferKind;
import io.tensorbridge.arrow.BufferLayout;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.MovedStruct;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Reads columns from structs: their buffers are slices of foreign memory that end with an arena.
 *
 * <p>Columns here have no offsets: what a struct skips is sliced off. Copied are only bits that don't
 * begin with a byte, and the ends of runs that are skipped in part.
 */
final class ArrayImport {
  static final String ROWS = "lengths, offsets and null counts that agree";
  static final String BUFFERS = "as many buffers as the type has";
  static final String CHILDREN = "as many children as the type has";
  static final String PRESENT = "a buffer where there are rows";
  static final String COVERED = "children as long as their parent needs";
  static final String OFFSETS = "rising offsets within the values";

  private final Arena arena;
  private final MemorySegment memory;

  private ArrayImport(Arena arena) {
    this.arena = arena;
    this.memory = Memory.during(arena);
  }

  /**
   * Takes a column over; it is released at the end of the arena, or at once if this throws.
   *
   * @param result made of the column
   * @throws io.tensorbridge.FormatException with the field and the rule that is broken
   */
  static <T> T take(
      ArrowField field, long address, Arena arena, Function<ArrowColumn, T> result) {
    CStruct.ARRAY.requireLive(address, Place.ROOT);
    MovedStruct moved = MovedStruct.take(StructKind.ARRAY, address);
    try {
      T made =
          result.apply(new ArrayImport(arena).whole(field, moved.address(), Place.ROOT));
      Memory.atEnd(arena, moved::release);
      return made;
    } catch (RuntimeException | Error failure) {
      moved.release();
      throw failure;
    }
  }

  /**
   * The numbers of a struct, checked.
   *
   * @param begin the first element in the buffers
   * @param rows from there
   * @param nulls or {@link ArrowColumn#NOT_COUNTED}
   */
  private record Rows(long begin, long rows, long nulls) {}

  private ArrowColumn whole(ArrowField field, long struct, Place place) {
    return column(
        field, struct, 0, Memory.word(struct + StructKind.LENGTH), place);
  }

  /**
   * A part of a column.
   *
   * @param skipped of its rows
   * @param count of the rows behind these
   */
  private ArrowColumn column(
      ArrowField field, long struct, long skipped, long count, Place place) {
    Rows rows = rows(struct, skipped, count, place);
    ArrowLayout layout = field.storageType().layout();
    if (field.storageType() instanceof ArrowType.RunEndEncoded && rows.begin > 0) {
      requireBuffers(struct, layout, place);
      requireChildren(struct, field, place);
      return runs(field, struct, rows, place);
    }
    List<MemorySegment> buffers = buffers(struct, layout, rows, place);
    long nulls = layout.hasValidity() ? rows.nulls : ArrowColumn.NOT_COUNTED;
    if (layout.hasValidity() && buffers.getFirst().byteSize() == 0) {
      if (nulls > 0) {
        throw place.broken(PRESENT, "null_count is " + nulls + " but there is no validity");
      }
      nulls = 0;
    }
    return ArrowColumn.of(
        field, rows.rows, nulls, buffers, children(field, struct, rows, place),
        dictionary(field, struct, place));
  }

  private static Rows rows(long struct, long skipped, long count, Place place) {
    long length = Memory.word(struct + StructKind.LENGTH);
    long offset = Memory.word(struct + StructKind.OFFSET);
    long nulls = Memory.word(struct + StructKind.NULL_COUNT);
    if (length < 0 || offset < 0 || offset > Long.MAX_VALUE - length || nulls < -1
        || nulls > length) {
      throw place.broken(
          ROWS, "length " + length + ", offset " + offset + ", null_count " + nulls);
    }
    if (skipped > length - count) {
      throw place.broken(COVERED, "its length is " + length + " where its parent has rows up to "
          + skipped + " + " + count);
    }
    boolean all = skipped == 0 && count == length;
    return new Rows(
        offset + skipped, count, all || nulls == 0 ? nulls : ArrowColumn.NOT_COUNTED);
  }

  private static int requireBuffers(long struct, ArrowLayout layout, Place place) {
    long count = Memory.word(struct + StructKind.BUFFER_COUNT);
    int fixed = layout.buffers().size();
    boolean right =
        layout.variadic() ? count > fixed && count <= Integer.MAX_VALUE / 2 : count == fixed;
    if (!right) {
      throw place.broken(BUFFERS, "n_buffers is " + count + " where "
          + (layout.variadic() ? (fixed + 1) + " or more" : fixed) + " are needed");
    }
    if (count > 0) {
      aligned(Memory.word(struct + StructKind.BUFFERS), BUFFERS, "buffers", place);
    }
    return (int) count;
  }

  private static long aligned(long address, String rule, String what, Place place) {
    if (!CStruct.isAligned(address)) {
      throw place.broken(rule, what + " is 0x" + Long.toHexString(address));
    }
    return address;
  }

  private List<MemorySegment> buffers(
      long struct, ArrowLayout layout, Rows rows, Place place) {
    int count = requireBuffers(struct, layout, place);
    long addresses = Memory.word(struct + StructKind.BUFFERS);
    List<MemorySegment> buffers = new ArrayList<>(count);
    for (int i = 0; i < layout.buffers().size(); i++) {
      BufferLayout wanted = layout.buffers().get(i);
      long address = Memory.word(addresses + (long) i * Long.BYTES);
      buffers.add(
          wanted.kind() == BufferKind.DATA
              ? data(address, buffers.getLast(), layout.buffers().get(i - 1), rows, place)
              : buffer(address, wanted, rows, place));
    }
    if (layout.variadic()) {
      addViewed(addresses, count, buffers, place);
    }
    return buffers;
  }

  private MemorySegment buffer(long address, BufferLayout layout, Rows rows, Place place) {
    if (layout.kind() == BufferKind.VALIDITY) {
      return rows.nulls == 0 || address == 0
          ? MemorySegment.NULL
          : bits(address, rows, place);
    }
    if (rows.rows == 0) {
      return MemorySegment.NULL;
    }
    String what = layout.kind().name();
    if (layout.elementBits() == 1) {
      return bits(required(address, what, place), rows, place);
    }
    long elementBytes = layout.elementBits() / Byte.SIZE;
    if (elementBytes == 0) { // fixed_size_binary[0]
      return MemorySegment.NULL;
    }
    long begin = bytes(rows.begin, elementBytes, place);
    bytes(rows.begin + rows.rows, elementBytes, place);
    return slice(required(address, what, place), begin, layout.byteLength(rows.rows), place);
  }

  private static long required(long address, String what, Place place) {
    if (address == 0) {
      throw place.broken(PRESENT, "its buffer of " + what + " is null");
    }
    return address;
  }

  private static long bytes(long elements, long elementBytes, Place place) {
    if (elements >= Long.MAX_VALUE / elementBytes) {
      throw place.broken(
          ROWS, "offset and length are " + elements + " elements of " + elementBytes + " bytes");
    }
    return elements * elementBytes;
  }

  private MemorySegment slice(long address, long begin, long byteSize, Place place) {
    if (address <= 0 || begin > CStruct.MAX_ADDRESS - address
        || byteSize > CStruct.MAX_ADDRESS - address - begin) {
      throw place.broken(PRESENT, "a buffer at 0x" + Long.toHexString(address) + " of " + byteSize
          + " bytes from byte " + begin);
    }
    return memory.asSlice(address + begin, byteSize);
  }

  /** Bits that begin at any; copied if that is not the first of a byte. */
  private MemorySegment bits(long address, Rows rows, Place place) {
    int shift = (int) (rows.begin % Byte.SIZE);
    long byteSize =
        rows.rows / Byte.SIZE + (rows.rows % Byte.SIZE + shift + Byte.SIZE - 1) / Byte.SIZE;
    MemorySegment bits = slice(address, rows.begin / Byte.SIZE, byteSize, place);
    return shift == 0 ? bits : ShiftedBits.copy(bits, shift, rows.rows, arena);
  }

  /** As long as the last offset tells. */
  private MemorySegment data(
      long address, MemorySegment offsets, BufferLayout layout, Rows rows, Place place) {
    if (rows.rows == 0) {
      return MemorySegment.NULL;
    }
    boolean large = layout.elementBits() == Long.SIZE;
    long last = offsets.address() + rows.rows * (large ? Long.BYTES : Integer.BYTES);
    long byteSize = large ? Memory.word(last) : Memory.half(last);
    if (byteSize < 0) {
      throw place.broken(OFFSETS, "its last offset is " + byteSize);
    }
    return byteSize == 0
        ? MemorySegment.NULL
        : slice(required(address, "DATA", place), 0, byteSize, place);
  }

  /** The buffers that views lead to, whose lengths stand in the last one. */
  private void addViewed(
      long addresses, int count, List<MemorySegment> buffers, Place place) {
    int fixed = buffers.size();
    long lengths = Memory.word(addresses + (count - 1L) * Long.BYTES);
    for (int i = fixed; i < count - 1; i++) {
      long byteSize =
          Memory.word(required(lengths, "lengths", place) + (long) (i - fixed) * Long.BYTES);
      if (byteSize < 0) {
        throw place.broken(
            ROWS, "its buffer " + (i - fixed) + " of data has " + byteSize + " bytes");
      }
      long address = Memory.word(addresses + (long) i * Long.BYTES);
      buffers.add(
          byteSize == 0
              ? MemorySegment.NULL
              : slice(required(address, "DATA", place), 0, byteSize, place));
    }
  }

  private static void requireChildren(long struct, ArrowField field, Place place) {
    long count = Memory.word(struct + StructKind.CHILD_COUNT);
    int wanted = field.storageChildren().size();
    if (count != wanted) {
      throw place.broken(CHILDREN, "n_children is " + count + " where " + field.typeText()
          + " has " + wanted);
    }
    if (wanted > 0) {
      aligned(
          Memory.word(struct + StructKind.ARRAY.children()), CHILDREN, "children", place);
    }
  }

  private List<ArrowColumn> children(
      ArrowField field, long struct, Rows rows, Place place) {
    requireChildren(struct, field, place);
    List<ArrowField> fields = field.storageChildren();
    if (fields.isEmpty()) {
      return List.of();
    }
    List<ArrowColumn> children = new ArrayList<>(fields.size());
    for (int i = 0; i < fields.size(); i++) {
      ArrowField child = fields.get(i);
      Place within = within(child, i, place);
      long at = child(struct, i, within);
      children.add(
          switch (field.storageType()) {
            case ArrowType.Struct _ -> column(child, at, rows.begin, rows.rows, within);
            case ArrowType.Union(boolean dense, _) ->
                dense
                    ? whole(child, at, within)
                    : column(child, at, rows.begin, rows.rows, within);
            case ArrowType.FixedSizeList(int size) -> {
              if (size > 0) {
                bytes(rows.begin + rows.rows, size, within);
              }
              yield column(child, at, rows.begin * size, rows.rows * size, within);
            }
            case ArrowType.ListOf _,ArrowType.ListView _,ArrowType.Map _,ArrowType.RunEndEncoded _ ->
                whole(child, at, within);
            case ArrowType.Null _,ArrowType.Bool _,ArrowType.Int _,ArrowType.Floating _,ArrowType.Decimal _,ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _,ArrowType.Interval _,ArrowType.FixedSizeBinary _,ArrowType.Bytes _,ArrowType.BytesView _ ->
                throw new AssertionError(field + " has children");
          });
    }
    return children;
  }

  private static Place within(ArrowField child, int index, Place place) {
    return place.child(child.name().isEmpty() ? "[" + index + "]" : child.name());
  }

  private static long child(long struct, int index, Place within) {
    long child =
        Memory.word(
            Memory.word(struct + StructKind.ARRAY.children()) + (long) index * Long.BYTES);
    CStruct.ARRAY.requireLive(child, within);
    return child;
  }

  private Optional<ArrowColumn> dictionary(ArrowField field, long struct, Place place) {
    long dictionary = Memory.word(struct + StructKind.ARRAY.dictionary());
    if ((dictionary != 0) != field.dictionaryEncoded()) {
      throw place.broken(CHILDREN, (dictionary == 0 ? "no" : "a") + " dictionary where the type is "
          + field.typeText());
    }
    if (dictionary == 0) {
      return Optional.empty();
    }
    Place within = place.child("dictionary");
    CStruct.ARRAY.requireLive(dictionary, within);
    return Optional.of(whole(field.valueField(), dictionary, within));
  }

  /** Runs that begin within: their ends are copied, counted from the first row. */
  private ArrowColumn runs(ArrowField field, long struct, Rows rows, Place place) {
    ArrowField endField = field.children().getFirst();
    ArrowField valueField = field.children().getLast();
    Place endPlace = within(endField, 0, place);
    ArrowColumn ends = whole(endField, child(struct, 0, endPlace), endPlace);
    RunEnds kept = RunEnds.of(ends, rows.begin, rows.rows, arena, endPlace);
    Place valuePlace = within(valueField, 1, place);
    ArrowColumn values =
        column(valueField, child(struct, 1, valuePlace), kept.first(), kept.count(), valuePlace);
    return ArrowColumn.of(
        field, rows.rows, 0, List.of(), List.of(kept.column(endField), values),
        dictionary(field, struct, place));
  }
}
