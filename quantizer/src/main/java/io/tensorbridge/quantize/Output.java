package io.tensorbridge.quantize;

import io.tensorbridge.Tensor;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Where the chunks of a run write: claim a range, fill it, commit it. */
sealed interface Output {
  /**
   * Memory for a range of a part.
   *
   * @param scratch lends the memory if the part itself can't be written by kernels
   */
  MemorySegment claim(int part, long byteOffset, long byteLength, Scratch scratch);

  /** Ends the writing of a claimed range. */
  void commit(int part, long byteOffset, MemorySegment claimed);

  /** Whole parts in memory, written in place if it is native. */
  static Output to(List<Tensor> parts) {
    List<MemorySegment> segments = new ArrayList<>(parts.size());
    for (Tensor part : parts) {
      MemorySegment data = part.data();
      segments.add(data.isNative() ? Native.view(data) : data);
    }
    return new Memory(List.copyOf(segments));
  }

  /** Pieces for a sink. */
  static Output to(PartSink sink) {
    return new Pieces(sink);
  }

  /** Writes to memory of the caller. */
  record Memory(List<MemorySegment> parts) implements Output {
    @Override
    public MemorySegment claim(int part, long byteOffset, long byteLength, Scratch scratch) {
      MemorySegment whole = parts.get(part);
      return whole.isNative()
          ? whole.asSlice(byteOffset, byteLength)
          : scratch.output(part, byteLength);
    }

    @Override
    public void commit(int part, long byteOffset, MemorySegment claimed) {
      MemorySegment whole = parts.get(part);
      if (!whole.isNative()) {
        MemorySegment.copy(claimed, 0, whole, byteOffset, claimed.byteSize());
      }
    }
  }

  /** Writes to scratch memory and hands it to a sink. */
  record Pieces(PartSink sink) implements Output {
    @Override
    public MemorySegment claim(int part, long byteOffset, long byteLength, Scratch scratch) {
      return scratch.output(part, byteLength);
    }

    @Override
    public void commit(int part, long byteOffset, MemorySegment claimed) {
      sink.write(part, byteOffset, claimed);
    }
  }
}
