package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Empty structs, and members of filled ones. */
final class Structs implements AutoCloseable {
  private final Arena arena = Arena.ofShared();

  long schema() {
    return CStruct.SCHEMA.allocate(arena).address();
  }

  long array() {
    return CStruct.ARRAY.allocate(arena).address();
  }

  long stream() {
    return CStruct.STREAM.allocate(arena).address();
  }

  long copy(CStruct kind, long struct) {
    MemorySegment copy = kind.allocate(arena);
    copy.copyFrom(Memory.at(struct, kind.byteSize()));
    return copy.address();
  }

  static long child(StructKind kind, long struct, int index) {
    return Memory.word(Memory.word(struct + kind.children()) + (long) index * Long.BYTES);
  }

  @Override
  public void close() {
    arena.close();
  }
}
