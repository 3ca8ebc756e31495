package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.MetadataTable.Slot;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Checks that all tables, vectors and texts of a flatbuffer lie within it, which the generated
 * classes take for granted.
 *
 * <p>A table begins with the distance back to its vtable, which tells the size of both and where the
 * table has its slots. References are distances forward, so that they can't run in a circle; but
 * many can lead to one part, so that a small flatbuffer could stand for a huge tree: the sizes of
 * all parts that references lead to are summed and bounded.
 */
final class MetadataVerifier {
  static final String WITHIN = "flatbuffer parts within the metadata";
  static final String DEPTH = "metadata at most 64 tables deep";
  static final String SHARING = "metadata whose parts are used once";
  static final String UTF_8 = "text in UTF-8";

  private static final int DEEPEST = 64;
  private static final int MOST_USES = 4;
  private static final int VTABLE_HEAD = 4;

  private final ByteSource source;
  private final ByteBuffer bytes;
  private long budget;

  private MetadataVerifier(ByteSource source, ByteBuffer bytes) {
    this.source = source;
    this.bytes = bytes;
    this.budget = MOST_USES * (long) bytes.capacity();
  }

  /**
   * Checks a flatbuffer and gives it to the generated classes.
   *
   * @param source mapped; copied, so that nobody can change it any more
   * @return a private copy in which every part that {@link MetadataTable} tells of lies within
   * @throws FormatException with the rule that is broken
   */
  static ByteBuffer verify(ByteSource source, MetadataTable root) {
    if (source.size() > Integer.MAX_VALUE - Long.BYTES) {
      throw source.broken(0, WITHIN, source.size() + " bytes of metadata");
    }
    byte[] copy = source.copy(0, (int) source.size());
    ByteBuffer bytes = ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN);
    ByteSource checked =
        new ByteSource(source.file(), source.fileOffset(), MemorySegment.ofArray(copy));
    MetadataVerifier verifier = new MetadataVerifier(checked, bytes);
    verifier.table(verifier.target(0), root, 1);
    return bytes;
  }

  private FormatException broken(long at, String found) {
    return source.broken(Math.clamp(at, 0, bytes.capacity()), WITHIN, found);
  }

  private void require(long at, long size, String what) {
    if (at < 0 || size < 0 || at > bytes.capacity() - size) {
      throw broken(at, what + " of " + size + " bytes lies outside");
    }
  }

  private void spend(int at, long size) {
    budget -= size;
    if (budget < 0) {
      throw source.broken(at, SHARING, "many references lead to the same parts");
    }
  }

  /** Where the reference at a position leads to. */
  private int target(int at) {
    require(at, Integer.BYTES, "a reference");
    int distance = bytes.getInt(at);
    if (distance <= 0) {
      throw broken(at, "a reference leads " + distance + " bytes forward");
    }
    require((long) at + distance, Integer.BYTES, "what a reference leads to");
    return at + distance;
  }

  private void table(int at, MetadataTable table, int depth) {
    if (depth > DEEPEST) {
      throw source.broken(at, DEPTH, "the table " + table + " is nested too deep");
    }
    require(at, Integer.BYTES, "the table " + table);
    long vtable = (long) at - bytes.getInt(at);
    require(vtable, VTABLE_HEAD, "a vtable");
    // signed and in pairs, as the generated classes take them
    int vtableSize = bytes.getShort((int) vtable);
    int tableSize = bytes.getShort((int) vtable + Short.BYTES);
    if (vtableSize < VTABLE_HEAD || vtableSize % Short.BYTES != 0 || tableSize < Integer.BYTES) {
      throw broken(vtable, "a vtable of " + vtableSize + " bytes for a table of " + tableSize);
    }
    require(vtable, vtableSize, "a vtable");
    require(at, tableSize, "the table " + table);
    spend(at, tableSize);
    View view = new View(at, (int) vtable, vtableSize, tableSize);
    for (Slot slot : table.slots()) {
      check(slot, view, table, depth);
    }
  }

  /** Where a table and its vtable lie. */
  private record View(int at, int vtable, int vtableSize, int tableSize) {}

  /** The position of a slot, or 0 if the table lacks it. */
  private int slot(View view, int index, int size) {
    int entry = VTABLE_HEAD + index * Short.BYTES;
    if (entry + Short.BYTES > view.vtableSize) {
      return 0;
    }
    int offset = bytes.getShort(view.vtable + entry);
    if (offset == 0) {
      return 0;
    }
    if (offset < Integer.BYTES || offset + size > view.tableSize) {
      throw broken(view.vtable + entry, "slot " + index + " lies at " + offset + " of "
          + view.tableSize + " bytes");
    }
    return view.at + offset;
  }

  private void check(Slot slot, View view, MetadataTable table, int depth) {
    switch (slot) {
      case Slot.Scalar(int index, int size) -> slot(view, index, size);
      case Slot.Text(int index) -> {
        int at = slot(view, index, Integer.BYTES);
        if (at != 0) {
          text(target(at));
        }
      }
      case Slot.Child(int index, MetadataTable child) -> {
        int at = slot(view, index, Integer.BYTES);
        if (at != 0) {
          table(target(at), child, depth + 1);
        }
      }
      case Slot.Tables(int index, MetadataTable child) -> {
        int at = slot(view, index, Integer.BYTES);
        if (at != 0) {
          tables(target(at), child, depth + 1);
        }
      }
      case Slot.Structs(int index, int size) -> {
        int at = slot(view, index, Integer.BYTES);
        if (at != 0) {
          vector(target(at), size);
        }
      }
      case Slot.Choice(int index) -> {
        int type = slot(view, index, 1);
        int at = slot(view, index + 1, Integer.BYTES);
        @Nullable
        MetadataTable chosen = type == 0 ? null : table.chosen(bytes.get(type));
        if (at != 0 && chosen != null) {
          table(target(at), chosen, depth + 1);
        }
      }
    }
  }

  private int vector(int at, int elementBytes) {
    require(at, Integer.BYTES, "a vector");
    int count = bytes.getInt(at);
    require((long) at + Integer.BYTES, (long) count * elementBytes, "a vector of " + count);
    spend(at, Integer.BYTES + (long) count * elementBytes);
    return count;
  }

  private void tables(int at, MetadataTable child, int depth) {
    int count = vector(at, Integer.BYTES);
    for (int i = 0; i < count; i++) {
      table(target(at + Integer.BYTES * (i + 1)), child, depth);
    }
  }

  private void text(int at) {
    int length = vector(at, 1);
    Utf8.decode(source.slice("", at + (long) Integer.BYTES, length), UTF_8);
  }
}
