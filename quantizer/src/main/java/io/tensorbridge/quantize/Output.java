package io.tensorbridge.quantize;

import io.tensorbridge.Tensor;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Where the chunks of a run write: claim a range, fill it, commit it. */
sealed interface Output
    permits Output.Memory, Output.Pieces, Output.Redirected, Output.Against, Output.Window,
    MeasuredOutput, ChannelScaling {
  /**
   * Memory for a range of a part.
   *
   * @param scratch lends the memory if the part itself can't be written by kernels
   */
  MemorySegment claim(int part, long byteOffset, long byteLength, Scratch scratch);

  /** Ends the writing of a claimed range. */
  void commit(int part, long byteOffset, MemorySegment claimed);

  /**
   * Tells that a chunk has committed the codes of a run of elements. Every quantizing run calls it
   * once for each chunk that writes codes, as the last thing it does with its scratch memory. The
   * dequantizing run of the scheme has the same chunks, or is a {@link RangeRun}.
   *
   * @param chunk its index
   * @param first the first element of the run
   * @param values the float32 values that were quantized, after any clipping
   * @param scratch what the chunk claimed its ranges from
   */
  default void quantized(
      int chunk, long first, MemorySegment values, Scratch scratch) {
    // nobody asked how close they are
  }

  /**
   * Whether {@link #quantized} does anything.
   *
   * @return true if a run must call it even at the cost of quantizing once more
   */
  default boolean measures() {
    return false;
  }

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

  /**
   * Writes one part to memory of its own instead, and the others as before.
   *
   * @param isRepeat whether all was committed before, and is only to be measured now
   */
  record Redirected(Output others, int part, MemorySegment memory,
      boolean isRepeat) implements Output {
    @Override
    public MemorySegment claim(int index, long byteOffset, long byteLength, Scratch scratch) {
      return index == part
          ? memory.asSlice(byteOffset, byteLength)
          : others.claim(index, byteOffset, byteLength, scratch);
    }

    @Override
    public void commit(int index, long byteOffset, MemorySegment claimed) {
      if (index != part && !isRepeat) {
        others.commit(index, byteOffset, claimed);
      }
    }

    @Override
    public void quantized(int chunk, long first, MemorySegment values, Scratch scratch) {
      if (isRepeat) {
        others.quantized(chunk, first, values, scratch);
      }
    }
  }

  /** Writes as before; what is quantized is compared with another source than it is made of. */
  record Against(Output others, FloatSource original) implements Output {
    @Override
    public MemorySegment claim(int part, long byteOffset, long byteLength, Scratch scratch) {
      return others.claim(part, byteOffset, byteLength, scratch);
    }

    @Override
    public void commit(int part, long byteOffset, MemorySegment claimed) {
      others.commit(part, byteOffset, claimed);
    }

    @Override
    public void quantized(int chunk, long first, MemorySegment values, Scratch scratch) {
      if (measures()) {
        int count = Math.toIntExact(values.byteSize() / Float.BYTES);
        others.quantized(chunk, first, original.read(first, count, scratch), scratch);
      }
    }

    @Override
    public boolean measures() {
      return others.measures();
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

  /** A range of the only part, in memory of the caller; for one thread. */
  final class Window implements Output {
    private final long begin;
    private final MemorySegment target;
    private long written;

    /**
     * A window.
     *
     * @param begin where the range begins in the part, in bytes
     * @param target its native memory
     */
    Window(long begin, MemorySegment target) {
      this.begin = begin;
      this.target = target;
    }

    @Override
    public MemorySegment claim(int part, long byteOffset, long byteLength, Scratch scratch) {
      return target.asSlice(byteOffset - begin, byteLength);
    }

    @Override
    public void commit(int part, long byteOffset, MemorySegment claimed) {
      written += claimed.byteSize();
    }

    void requireFull() {
      if (written != target.byteSize()) {
        throw new IllegalStateException(written + " bytes came, not " + target.byteSize());
      }
    }
  }
}
