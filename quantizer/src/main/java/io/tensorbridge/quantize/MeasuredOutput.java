package io.tensorbridge.quantize;

import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Hands pieces to a sink, and compares each chunk with its source as soon as it is quantized.
 *
 * <p>What a chunk wrote is still in its scratch memory then. Parameters that an earlier phase wrote
 * for all chunks (of groups longer than a chunk: few) are kept in memory as whole parts.
 */
final class MeasuredOutput implements Output {
  private static final int ALIGNMENT = 64;

  private final PartSink sink;
  private final List<RunMeter> meters;
  private final Dequantization dequantization;

  /** Whole parts behind the first, or none. */
  private final List<MemorySegment> kept = new ArrayList<>();

  /** Keep the memory of those. */
  private final List<MemorySegment> owners = new ArrayList<>();

  MeasuredOutput(Quantization quantization, PartSink sink, List<? extends RunMeter> meters) {
    this.sink = sink;
    this.meters = List.copyOf(meters);
    this.dequantization =
        Dequantization.of(quantization.scheme(), quantization.type().shape());
  }

  /** Decides, before the first chunk, whether parameters must outlive the chunk that wrote them. */
  void keepParameters(boolean needed) {
    if (!needed) {
      return;
    }
    kept.add(MemorySegment.NULL);
    for (OutputSpec part : dequantization.parts().subList(1, dequantization.parts().size())) {
      MemorySegment memory = Arena.ofAuto().allocate(part.type().byteLength(), ALIGNMENT);
      owners.add(memory);
      kept.add(Native.view(memory));
    }
  }

  private boolean keeps(int part) {
    return part > 0 && part < kept.size();
  }

  @Override
  public MemorySegment claim(int part, long byteOffset, long byteLength, Scratch scratch) {
    MemorySegment claimed = keeps(part)
        ? kept.get(part).asSlice(byteOffset, byteLength)
        : scratch.output(part, byteLength);
    scratch.claims().put(part, byteOffset, claimed);
    return claimed;
  }

  @Override
  public void commit(int part, long byteOffset, MemorySegment claimed) {
    sink.write(part, byteOffset, claimed);
  }

  @Override
  public boolean measures() {
    return true;
  }

  @Override
  public void quantized(int chunk, long first, MemorySegment values, Scratch scratch) {
    List<StoredBytes> written = new ArrayList<>(dequantization.parts().size());
    for (OutputSpec part : dequantization.parts()) {
      written.add(written(written.size(), part.type().dtype().byteSize(), scratch.claims()));
    }
    try (Scratch second = Scratch.borrow()) {
      MemorySegment restored = second.restored(values.byteSize());
      dequantization.chunk(written, chunk, first, restored);
      meters.forEach(meter -> meter.add(first, values, restored));
    }
  }

  private StoredBytes written(int part, int elementBytes, ClaimedRanges claims) {
    if (keeps(part)) {
      return new StoredBytes.Written(kept.get(part), 0, elementBytes);
    }
    ClaimedRanges.@Nullable Range range = claims.get(part);
    if (range == null) {
      throw new IllegalStateException("a chunk wrote nothing to part " + part);
    }
    return new StoredBytes.Written(range.bytes(), range.byteOffset() / elementBytes, elementBytes);
  }
}
