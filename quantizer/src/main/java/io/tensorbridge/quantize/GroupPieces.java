package io.tensorbridge.quantize;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** The pieces of all parts that a chunk of groups reads or writes. */
final class GroupPieces {
  private final GroupCoding coding;
  private final long[] byteOffsets;
  private final MemorySegment[] pieces;

  /** Where the pieces begin in their parts, and their memory. */
  private GroupPieces(GroupCoding coding, long[] byteOffsets, MemorySegment[] pieces) {
    this.coding = coding;
    this.byteOffsets = byteOffsets;
    this.pieces = pieces;
  }

  /**
   * Pieces to be written and {@linkplain #commit committed}.
   *
   * @param ofTensor the part of the whole tensor, which was written before, if there is one
   */
  static GroupPieces claim(
      GroupCoding coding,
      long first,
      long end,
      MemorySegment ofTensor,
      Output output,
      Scratch scratch) {
    int count = coding.format().partCount();
    long[] byteOffsets = new long[count];
    MemorySegment[] pieces = new MemorySegment[count];
    for (int part = 0; part < count; part++) {
      if (coding.format().isOfTensor(part)) {
        pieces[part] = ofTensor;
        continue;
      }
      byteOffsets[part] = coding.byteOffset(part, first);
      long byteLength = coding.byteOffset(part, end) - byteOffsets[part];
      pieces[part] = output.claim(part, byteOffsets[part], byteLength, scratch);
    }
    return new GroupPieces(coding, byteOffsets, pieces);
  }

  /** Pieces as they are stored. */
  static GroupPieces read(
      GroupCoding coding, long first, long end, List<StoredBytes> parts, Scratch scratch) {
    int count = coding.format().partCount();
    long[] byteOffsets = new long[count];
    MemorySegment[] pieces = new MemorySegment[count];
    for (int part = 0; part < count; part++) {
      boolean ofTensor = coding.format().isOfTensor(part);
      byteOffsets[part] = ofTensor ? 0 : coding.byteOffset(part, first);
      long byteLength = ofTensor
          ? coding.partBytes(part)
          : coding.byteOffset(part, end) - byteOffsets[part];
      pieces[part] = parts.get(part).readBytes(byteOffsets[part], byteLength, scratch);
    }
    return new GroupPieces(coding, byteOffsets, pieces);
  }

  /** The pieces of a run that begins with a group of this chunk. */
  MemorySegment[] run(long group, long elements) {
    MemorySegment[] run = new MemorySegment[pieces.length];
    for (int part = 0; part < run.length; part++) {
      if (coding.format().isOfTensor(part)) {
        run[part] = pieces[part];
        continue;
      }
      long at = coding.byteOffset(part, group) - byteOffsets[part];
      long byteLength = coding.format().partBytes(part, coding.groupElements(), elements);
      run[part] = pieces[part].asSlice(at, byteLength);
    }
    return run;
  }

  void commit(Output output) {
    for (int part = 0; part < pieces.length; part++) {
      if (!coding.format().isOfTensor(part)) {
        output.commit(part, byteOffsets[part], pieces[part]);
      }
    }
  }
}
