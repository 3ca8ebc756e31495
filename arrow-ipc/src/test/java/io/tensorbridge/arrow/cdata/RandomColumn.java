package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BufferLayout;
import io.tensorbridge.arrow.EveryType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** Columns of any type with values, nulls and runs at random. */
final class RandomColumn {
  private static final int DICTIONARY_ROWS = 5;
  private static final int VIEWED_BYTES = 200;

  private final Random random;
  private final Arena arena;

  private RandomColumn(Random random, Arena arena) {
    this.random = random;
    this.arena = arena;
  }

  static ArrowColumn of(ArrowField field, int rows, long seed, Arena arena) {
    return new RandomColumn(new Random(seed), arena).column(field, rows);
  }

  /** Fields of all types that fit into memory. */
  static List<ArrowField> fields() {
    return EveryType.fields().stream()
        .filter(
            field -> !(field.type() instanceof ArrowType.FixedSizeBinary(int width)
                && width > 1 << 20))
        .toList();
  }

  private ArrowColumn column(ArrowField field, int rows) {
    Optional<ArrowColumn> dictionary =
        field.dictionaryEncoded()
            ? Optional.of(column(field.valueField(), DICTIONARY_ROWS))
            : Optional.empty();
    List<ArrowColumn> children = new ArrayList<>();
    List<MemorySegment> buffers = new ArrayList<>();
    if (field.storageType() instanceof ArrowType.RunEndEncoded) {
      children.addAll(runs(field, rows));
    } else {
      for (ArrowField child : field.storageChildren()) {
        children.add(column(child, childRows(field.storageType(), rows)));
      }
    }
    int limit = children.isEmpty() ? DICTIONARY_ROWS : (int) children.getFirst().length();
    for (BufferLayout layout : field.storageType().layout().buffers()) {
      buffers.add(buffer(field, layout, rows, limit, buffers));
    }
    if (field.storageType().layout().variadic()) {
      buffers.add(bytes(VIEWED_BYTES));
      buffers.add(bytes(VIEWED_BYTES));
    }
    return ArrowColumn.of(
        field, rows, ArrowColumn.NOT_COUNTED, buffers, children, dictionary);
  }

  private static int childRows(ArrowType type, int rows) {
    return switch (type) {
      case ArrowType.FixedSizeList(int size) -> rows * size;
      case ArrowType.Struct _,ArrowType.Union _ -> rows;
      default -> rows * 2;
    };
  }

  private List<ArrowColumn> runs(ArrowField field, int rows) {
    List<Integer> ends = new ArrayList<>();
    for (int end = 0; end < rows;) {
      end += 1 + random.nextInt(4);
      ends.add(end);
    }
    ArrowField endField = field.children().getFirst();
    int width = (int) endField.type().layout().valueBits() / Byte.SIZE;
    MemorySegment bytes = arena.allocate((long) width * ends.size() + 1);
    for (int i = 0; i < ends.size(); i++) {
      put(bytes, i, width, ends.get(i));
    }
    return List.of(
        ArrowColumn.of(endField, ends.size(), 0, List.of(MemorySegment.NULL, bytes), List.of(),
            Optional.empty()),
        column(field.children().getLast(), ends.size()));
  }

  private MemorySegment buffer(
      ArrowField field, BufferLayout layout, int rows, int limit, List<MemorySegment> before) {
    int width = (int) layout.elementBits() / Byte.SIZE;
    return switch (layout.kind()) {
      case VALIDITY -> !field.nullable() || random.nextInt(8) == 0
          ? MemorySegment.NULL
          : bytes(rows / Byte.SIZE + 1);
      case VALUES -> values(field, layout, rows);
      case OFFSETS -> offsets(field, rows, width, limit);
      case DATA -> bytes(Math.max(1, last(before.getLast())));
      case POSITIONS -> numbers(rows, width, limit / 2);
      case SIZES -> numbers(rows, width, Math.max(1, limit / 2));
      case TYPE_IDS -> {
        List<Integer> ids = ((ArrowType.Union) field.type()).typeIds();
        MemorySegment bytes = arena.allocate(rows + 1L);
        for (int i = 0; i < rows; i++) {
          put(bytes, i, 1, ids.get(random.nextInt(ids.size())));
        }
        yield bytes;
      }
      case VIEWS -> views(rows);
    };
  }

  private MemorySegment values(ArrowField field, BufferLayout layout, int rows) {
    return field.dictionaryEncoded()
        ? numbers(rows, (int) layout.elementBits() / Byte.SIZE, DICTIONARY_ROWS)
        : bytes((int) layout.byteLength(rows) + 1);
  }

  private MemorySegment offsets(ArrowField field, int rows, int width, int limit) {
    boolean nested = !field.storageChildren().isEmpty();
    MemorySegment offsets = arena.allocate((rows + 1L) * width);
    long end = nested ? 0 : 3;
    for (int i = 0; i <= rows; i++) {
      put(offsets, i, width, end);
      end = nested ? Math.min(limit, end + random.nextInt(4)) : end + random.nextInt(20);
    }
    return offsets;
  }

  /** The last offset, of 32 or 64 bits: the upper half of the latter is 0. */
  private static int last(MemorySegment offsets) {
    int low = offsets.get(ValueLayout.JAVA_INT_UNALIGNED, offsets.byteSize() - 4);
    return low != 0 ? low : offsets.get(ValueLayout.JAVA_INT_UNALIGNED, offsets.byteSize() - 8);
  }

  private MemorySegment numbers(int rows, int width, int limit) {
    MemorySegment numbers = arena.allocate((long) rows * width + 1);
    for (int i = 0; i < rows; i++) {
      put(numbers, i, width, random.nextInt(Math.max(1, limit)));
    }
    return numbers;
  }

  private MemorySegment views(int rows) {
    MemorySegment views = arena.allocate(rows * 16L + 1);
    for (int i = 0; i < rows; i++) {
      int size = random.nextInt(30);
      put(views, i * 4L, 4, size);
      if (size <= 12) {
        MemorySegment.copy(bytes(12), 0, views, i * 16L + 4, 12);
      } else {
        put(views, i * 4L + 2, 4, random.nextInt(2));
        put(views, i * 4L + 3, 4, random.nextInt(VIEWED_BYTES - size));
      }
    }
    return views;
  }

  private MemorySegment bytes(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
  }

  private static void put(MemorySegment numbers, long index, int width, long value) {
    switch (width) {
      case 1 -> numbers.set(ValueLayout.JAVA_BYTE, index, (byte) value);
      case 2 -> numbers.set(
          ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), index * 2,
          (short) value);
      case 4 -> numbers.set(
          ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), index * 4,
          (int) value);
      default -> numbers.set(
          ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), index * 8, value);
    }
  }
}
