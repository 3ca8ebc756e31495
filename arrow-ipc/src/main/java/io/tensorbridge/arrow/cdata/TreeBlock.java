package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.internal.cdata.CCalls;
import io.tensorbridge.arrow.internal.cdata.ExportedTree;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/** The memory of structs that are exported together, filled from its beginning. */
final class TreeBlock {
  private final StructKind kind;
  private final long address;
  private final long[] structs;
  private final int[] ends;
  private long cursor;
  private int count;

  /**
   * Allocates zeros.
   *
   * @param structCount how many structs there will be
   * @param byteSize of all that will be reserved beside the structs, each padded to words
   */
  TreeBlock(StructKind kind, int structCount, long byteSize) {
    if (structCount > ExportedTree.MAX_STRUCTS) {
      throw new IllegalArgumentException(structCount + " columns and children can't be exported"
          + " together, " + ExportedTree.MAX_STRUCTS + " can");
    }
    long whole = Math.addExact(byteSize, (long) structCount * kind.byteSize());
    this.kind = kind;
    this.address = CCalls.allocate(whole);
    this.structs = new long[structCount];
    this.ends = new int[structCount];
    this.cursor = address;
    Memory.at(address, whole).fill((byte) 0);
  }

  static long padded(long byteSize) {
    return (byteSize + Long.BYTES - 1) & -Long.BYTES;
  }

  /** Begins the next struct; those of its children and dictionary follow. */
  int begin() {
    structs[count] = reserve(kind.byteSize());
    return count++;
  }

  /** Ends a struct, all of whose children and dictionary were begun and ended. */
  void end(int node) {
    ends[node] = count;
  }

  long struct(int node) {
    return structs[node];
  }

  /** The address of so many bytes, aligned to 8. */
  long reserve(long byteSize) {
    long reserved = cursor;
    cursor += padded(byteSize);
    return reserved;
  }

  /** The address of a copy. */
  long copy(MemorySegment bytes) {
    long copied = reserve(bytes.byteSize());
    Memory.at(copied, bytes.byteSize()).copyFrom(bytes);
    return copied;
  }

  /** Hands all structs over to the consumer; the owner, asked for last, ends with the last of them. */
  void publish(Supplier<Runnable> giveOwner, long target) {
    new ExportedTree(kind, address, structs, ends).publish(target, giveOwner);
  }

  /** Frees what could not be published. */
  void abort() {
    CCalls.free(address);
  }
}
