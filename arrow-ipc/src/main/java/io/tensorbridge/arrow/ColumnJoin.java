package io.tensorbridge.arrow;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Puts columns of one field one behind the other, in memory of the reader: for deltas. */
final class ColumnJoin {
  static final String JOINED = "dictionaries whose deltas fit behind them";

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final List<ArrowColumn> parts;
  private final OwnMemory memory;
  private final ArrowField field;
  private final ArrowLayout layout;
  private final long length;
  private final long nullCount;

  private ColumnJoin(List<ArrowColumn> parts, OwnMemory memory) {
    this.parts = parts;
    this.memory = memory;
    this.field = parts.getFirst().field();
    this.layout = parts.getFirst().layout();
    this.length = sum(parts, ArrowColumn::length);
    this.nullCount = sum(parts, ArrowColumn::nullCount);
  }

  /**
   * Joins columns.
   *
   * @param parts of one field, at least one; dictionaries within must be the same
   * @throws io.tensorbridge.FormatException if a part has an impossible value, or there are more
   *     values than offsets or memory can have
   */
  static ArrowColumn of(List<ArrowColumn> parts, OwnMemory memory) {
    parts.forEach(ArrowColumn::validate);
    try {
      return new ColumnJoin(parts, memory).column();
    } catch (ArithmeticException tooMany) {
      throw ColumnBuffer.inMemory(MemorySegment.NULL).broken(0, JOINED,
          "the dictionary of the field \""
              + parts.getFirst().field().name() + "\" has more values than its type can tell");
    }
  }

  /** A number of a column. */
  private interface Count {
    long of(ArrowColumn column);
  }

  private static long sum(List<ArrowColumn> columns, Count count) {
    return columns.stream().mapToLong(count::of).reduce(0, Math::addExact);
  }

  private ArrowColumn column() {
    List<MemorySegment> buffers = new ArrayList<>();
    for (BufferLayout buffer : layout.buffers()) {
      buffers.add(buffer(buffer));
    }
    for (ArrowColumn part : parts) {
      for (int i = layout.buffers().size(); i < part.bufferCount(); i++) {
        buffers.add(part.buffer(i).bytes());
      }
    }
    Optional<ArrowColumn> dictionary = parts.getLast().dictionary();
    return ArrowColumn.of(field, length, nullCount, buffers, children(), dictionary);
  }

  private MemorySegment allocate(long bytes) {
    memory.announce(bytes, ColumnBuffer.inMemory(MemorySegment.NULL));
    return memory.allocate(bytes);
  }

  private MemorySegment buffer(BufferLayout buffer) {
    return switch (buffer.kind()) {
      case VALIDITY -> nullCount == 0 ? MemorySegment.NULL : validity();
      case OFFSETS -> offsets(buffer);
      case POSITIONS -> positions(buffer);
      case VIEWS -> views(buffer);
      case DATA -> data();
      case VALUES -> buffer.elementBits() == 1 ? bits(buffer) : copies(buffer);
      case SIZES, TYPE_IDS -> copies(buffer);
    };
  }

  private MemorySegment validity() {
    MemorySegment target = allocate(Math.ceilDiv(length, (long) Byte.SIZE));
    long row = 0;
    for (ArrowColumn part : parts) {
      for (long i = 0; i < part.length(); i++, row++) {
        set(target, row, !part.isNull(i));
      }
    }
    return target;
  }

  private MemorySegment bits(BufferLayout buffer) {
    MemorySegment target = allocate(buffer.byteLength(length));
    long row = 0;
    for (ArrowColumn part : parts) {
      for (long i = 0; i < part.length(); i++, row++) {
        set(target, row, part.bool(i));
      }
    }
    return target;
  }

  private static void set(MemorySegment bits, long index, boolean value) {
    if (value) {
      byte before = bits.get(ValueLayout.JAVA_BYTE, index >> 3);
      bits.set(ValueLayout.JAVA_BYTE, index >> 3, (byte) (before | 1 << (index & 7)));
    }
  }

  private MemorySegment copies(BufferLayout buffer) {
    MemorySegment target = allocate(buffer.byteLength(length));
    long at = 0;
    for (ArrowColumn part : parts) {
      long bytes = buffer.byteLength(part.length());
      MemorySegment.copy(part.buffer(buffer.kind()), 0, target, at, bytes);
      at += bytes;
    }
    return target;
  }

  private MemorySegment offsets(BufferLayout buffer) {
    MemorySegment target = allocate(buffer.byteLength(length));
    long row = 0;
    long base = 0;
    for (ArrowColumn part : parts) {
      for (long i = 0; i < part.length(); i++, row++) {
        ArrowColumn.Extent extent = part.extent(i);
        put(target, row, buffer.elementBits(), base + extent.begin());
        put(target, row + 1, buffer.elementBits(), base + extent.end());
      }
      base += within(part);
    }
    return target;
  }

  /** The bytes or values of the child that a part leads to. */
  private static long within(ArrowColumn part) {
    int data = part.layout().indexOf(BufferKind.DATA);
    return data < 0 ? part.children().getFirst().length() : part.buffer(data).size();
  }

  private MemorySegment data() {
    MemorySegment target = allocate(sum(parts, ColumnJoin::within));
    long at = 0;
    for (ArrowColumn part : parts) {
      MemorySegment bytes = part.buffer(BufferKind.DATA);
      MemorySegment.copy(bytes, 0, target, at, bytes.byteSize());
      at += bytes.byteSize();
    }
    return target;
  }

  private MemorySegment positions(BufferLayout buffer) {
    MemorySegment target = allocate(buffer.byteLength(length));
    long row = 0;
    long[] bases = new long[field.children().size()];
    for (ArrowColumn part : parts) {
      boolean union = field.type() instanceof ArrowType.Union;
      for (long i = 0; i < part.length(); i++, row++) {
        long base = bases[union ? part.childIndex(i) : 0];
        long position = union ? part.childRow(i) : part.extent(i).begin();
        put(target, row, buffer.elementBits(), base + position);
      }
      for (int child = 0; child < bases.length; child++) {
        bases[child] += part.children().get(child).length();
      }
    }
    return target;
  }

  /** Views lead to buffers by index: those of a part now stand behind those before. */
  private MemorySegment views(BufferLayout buffer) {
    MemorySegment target = copies(buffer);
    long row = 0;
    int shift = 0;
    for (ArrowColumn part : parts) {
      for (long i = 0; i < part.length(); i++, row++) {
        long at = row * ArrowLayout.VIEW_BYTES;
        if (!part.isNull(i) && target.get(INT, at) > ArrowColumn.INLINE_BYTES) {
          target.set(INT, at + 8, Math.addExact(target.get(INT, at + 8), shift));
        }
      }
      shift = Math.addExact(shift, part.bufferCount() - layout.buffers().size());
    }
    return target;
  }

  private static void put(MemorySegment target, long index, long bits, long value) {
    switch ((int) bits) {
      case 16 -> {
        if (value > Short.MAX_VALUE) {
          throw new ArithmeticException();
        }
        target.set(SHORT, index * Short.BYTES, (short) value);
      }
      case 32 -> target.set(INT, index * Integer.BYTES, Math.toIntExact(value));
      default -> target.set(LONG, index * Long.BYTES, value);
    }
  }

  private List<ArrowColumn> children() {
    if (field.storageType() instanceof ArrowType.RunEndEncoded) {
      return runs();
    }
    List<ArrowColumn> children = new ArrayList<>();
    for (int i = 0; i < field.storageChildren().size(); i++) {
      List<ArrowColumn> childParts = new ArrayList<>();
      for (ArrowColumn part : parts) {
        ArrowColumn child = part.children().get(i);
        childParts.add(
            switch (field.type()) {
              case ArrowType.FixedSizeList(int size) -> child.head(part.length() * size);
              case ArrowType.Struct _ -> child.head(part.length());
              case ArrowType.Union(boolean dense, _) -> dense ? child : child.head(part.length());
              case ArrowType.Null _,ArrowType.Bool _,ArrowType.Int _,ArrowType.Floating _,ArrowType.Decimal _,ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _,ArrowType.Interval _,ArrowType.FixedSizeBinary _,ArrowType.Bytes _,ArrowType.BytesView _,ArrowType.ListOf _,ArrowType.ListView _,ArrowType.Map _,ArrowType.RunEndEncoded _ ->
                  child;
            });
      }
      children.add(new ColumnJoin(childParts, memory).column());
    }
    return children;
  }

  private List<ArrowColumn> runs() {
    List<ArrowColumn> values = new ArrayList<>();
    for (ArrowColumn part : parts) {
      long runs = part.length() == 0 ? 0 : part.run(part.length() - 1) + 1;
      values.add(part.children().getLast().head(runs));
    }
    ArrowField endField = field.children().getFirst();
    long bits = endField.type().layout().valueBits();
    long count = sum(values, ArrowColumn::length);
    MemorySegment ends = allocate(Math.multiplyExact(count, bits / Byte.SIZE));
    long at = 0;
    long base = 0;
    for (int i = 0; i < parts.size(); i++) {
      ArrowColumn part = parts.get(i);
      for (long run = 0; run < values.get(i).length(); run++, at++) {
        long end = Math.min(part.children().getFirst().integer(run), part.length());
        put(ends, at, bits, base + end);
      }
      base += part.length();
    }
    ArrowColumn endColumn =
        ArrowColumn.of(
            endField, count, 0, List.of(MemorySegment.NULL, ends), List.of(), Optional.empty());
    return List.of(endColumn, new ColumnJoin(values, memory).column());
  }
}
