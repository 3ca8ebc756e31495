package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.internal.cdata.CCalls;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The structs of the C Data interface, for who must give one that the other side fills. */
public enum CStruct {
  /** {@code struct ArrowSchema}: a type, or the columns of a table. */
  SCHEMA(StructKind.SCHEMA),
  /** {@code struct ArrowArray}: a column, or a record batch. */
  ARRAY(StructKind.ARRAY),
  /** {@code struct ArrowArrayStream}: record batches to be pulled. */
  STREAM(StructKind.STREAM);

  static final String LIVE = "a struct that is not released";

  /** No process has memory above: 57 bits are what x86-64 and aarch64 map, half of it the kernel's. */
  static final long MAX_ADDRESS = 1L << 56;

  private final StructKind kind;

  CStruct(StructKind kind) {
    this.kind = kind;
  }

  /**
   * The size of the struct.
   *
   * @return bytes
   */
  public long byteSize() {
    return kind.byteSize();
  }

  /**
   * A struct that is empty, which is: released.
   *
   * <p>Closing the arena doesn't release what it was filled with: import it or {@link #release} it
   * before.
   *
   * @param arena of the memory
   * @return aligned, all zero
   */
  public MemorySegment allocate(Arena arena) {
    return arena.allocate(kind.byteSize(), Long.BYTES);
  }

  /**
   * Whether a struct is empty, moved, or released.
   *
   * @param address of the struct
   * @return true if nothing must be released
   */
  public boolean isReleased(long address) {
    return Memory.word(address + kind.release()) == 0;
  }

  /**
   * Releases a struct that nobody wants; one that is released is left alone.
   *
   * @param address of the struct
   */
  public void release(long address) {
    long callback = Memory.word(address + kind.release());
    if (callback != 0) {
      CCalls.release(callback, address);
    }
  }

  /** Whether an address may be one of words. */
  static boolean isAligned(long address) {
    return address > 0 && address < MAX_ADDRESS && address % Long.BYTES == 0;
  }

  /** Checks the address of a struct that is to be filled. */
  long requireTarget(long address) {
    if (!isAligned(address)) {
      throw new IllegalArgumentException("0x" + Long.toHexString(address) + " is no address of a"
          + " struct of C: give one of " + kind.byteSize() + " bytes, aligned to 8");
    }
    return address;
  }

  /** Checks that there is a struct that was filled and not released. */
  void requireLive(long address, Place place) {
    if (!isAligned(address)) {
      throw place.broken(LIVE, "its address is 0x" + Long.toHexString(address));
    }
    if (isReleased(address)) {
      throw place.broken(LIVE, "it is released, moved, or was never filled");
    }
  }
}
