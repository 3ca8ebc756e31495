package io.tensorbridge.arrow;

import java.util.ArrayList;
import java.util.List;

/**
 * The buffers and children of columns of a type: the one table that readers, writers and the C Data
 * interface share.
 *
 * <table>
 *   <caption>Buffers in their order</caption>
 *   <tr><th>types</th><th>buffers</th></tr>
 *   <tr><td>null, run_end_encoded</td><td>none</td></tr>
 *   <tr><td>bool, numbers, decimals, times, fixed_size_binary</td><td>validity, values</td></tr>
 *   <tr><td>utf8, binary, large ones</td><td>validity, offsets, data</td></tr>
 *   <tr><td>utf8_view, binary_view</td><td>validity, views, any number of data</td></tr>
 *   <tr><td>list, large_list, map</td><td>validity, offsets</td></tr>
 *   <tr><td>list_view, large_list_view</td><td>validity, positions, sizes</td></tr>
 *   <tr><td>struct, fixed_size_list</td><td>validity</td></tr>
 *   <tr><td>sparse_union</td><td>type ids</td></tr>
 *   <tr><td>dense_union</td><td>type ids, positions</td></tr>
 * </table>
 *
 * @param buffers in their order, without those that views lead to
 * @param variadic whether any number of data buffers follows
 * @param childCount how many children there are; {@link #ANY} if any number will do
 */
public record ArrowLayout(List<BufferLayout> buffers, boolean variadic, int childCount) {
  /** Any number of children. */
  public static final int ANY = -1;

  static final int VIEW_BYTES = 16;

  private static final int LEAF = 0;
  private static final BufferLayout VALIDITY = new BufferLayout(BufferKind.VALIDITY, 1);
  private static final BufferLayout DATA = new BufferLayout(BufferKind.DATA, Byte.SIZE);
  private static final BufferLayout TYPE_IDS = new BufferLayout(BufferKind.TYPE_IDS, Byte.SIZE);
  private static final BufferLayout VIEWS =
      new BufferLayout(BufferKind.VIEWS, VIEW_BYTES * Byte.SIZE);

  /** Copies the list. */
  public ArrowLayout {
    buffers = List.copyOf(buffers);
  }

  /**
   * The layout of a type.
   *
   * @param type any
   * @return its buffers and children
   */
  public static ArrowLayout of(ArrowType type) {
    return switch (type) {
      case ArrowType.Null _ -> new ArrowLayout(List.of(), false, LEAF);
      case ArrowType.Bool _ -> values(1);
      case ArrowType.Int(int bits, _) -> values(bits);
      case ArrowType.Floating(int bits) -> values(bits);
      case ArrowType.Decimal(_, _, int bits) -> values(bits);
      case ArrowType.Date(boolean milliseconds) -> values(milliseconds ? 64 : 32);
      case ArrowType.Time time -> values(time.bits());
      case ArrowType.Timestamp _,ArrowType.Duration _ -> values(64);
      case ArrowType.Interval(ArrowType.IntervalUnit unit) -> values(unit.bits());
      case ArrowType.FixedSizeBinary(int byteWidth) -> values((long) byteWidth * Byte.SIZE);
      case ArrowType.Bytes(_, boolean large) -> nullable(LEAF, of(BufferKind.OFFSETS, large), DATA);
      case ArrowType.BytesView _ -> new ArrowLayout(List.of(VALIDITY, VIEWS), true, LEAF);
      case ArrowType.ListOf(boolean large) -> nullable(1, of(BufferKind.OFFSETS, large));
      case ArrowType.ListView(boolean large) ->
          nullable(1, of(BufferKind.POSITIONS, large), of(BufferKind.SIZES, large));
      case ArrowType.FixedSizeList _ -> nullable(1);
      case ArrowType.Struct _ -> nullable(ANY);
      case ArrowType.Map _ -> nullable(1, of(BufferKind.OFFSETS, false));
      case ArrowType.Union(boolean dense, List<Integer> typeIds) ->
          new ArrowLayout(
              dense ? List.of(TYPE_IDS, of(BufferKind.POSITIONS, false)) : List.of(TYPE_IDS),
              false,
              typeIds.size());
      case ArrowType.RunEndEncoded _ -> new ArrowLayout(List.of(), false, 2);
    };
  }

  private static ArrowLayout values(long bits) {
    return nullable(LEAF, new BufferLayout(BufferKind.VALUES, bits));
  }

  private static ArrowLayout nullable(int childCount, BufferLayout... behindValidity) {
    List<BufferLayout> buffers = new ArrayList<>();
    buffers.add(VALIDITY);
    buffers.addAll(List.of(behindValidity));
    return new ArrowLayout(buffers, false, childCount);
  }

  private static BufferLayout of(BufferKind kind, boolean large) {
    return new BufferLayout(kind, large ? Long.SIZE : Integer.SIZE);
  }

  /**
   * Where a buffer stands.
   *
   * @param kind what it holds
   * @return its index, or -1
   */
  public int indexOf(BufferKind kind) {
    for (int i = 0; i < buffers.size(); i++) {
      if (buffers.get(i).kind() == kind) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Whether columns tell by bits which of their rows are null.
   *
   * @return false for null, unions and run-end encoded columns
   */
  public boolean hasValidity() {
    return !buffers.isEmpty() && buffers.getFirst().kind() == BufferKind.VALIDITY;
  }

  /**
   * The bits of a value where each row has one of fixed width.
   *
   * @return bits; 0 if there are no such values
   */
  public long valueBits() {
    int values = indexOf(BufferKind.VALUES);
    return values < 0 ? 0 : buffers.get(values).elementBits();
  }
}
