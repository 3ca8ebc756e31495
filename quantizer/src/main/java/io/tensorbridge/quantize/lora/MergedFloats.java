package io.tensorbridge.quantize.lora;

import io.tensorbridge.DType;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.LowRankKernel;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.MemorySegment;

/** A weight with products of low rank added, computed for the elements that are asked for. */
final class MergedFloats extends FloatSource {
  private final FloatSource base;
  private final LoraStage stage;

  MergedFloats(FloatSource base, LoraStage stage) {
    super(DType.F32, base);
    this.base = base;
    this.stage = stage;
  }

  @Override
  protected void copy(long first, MemorySegment values) {
    base.read(first, values);
    MemorySegment view = Native.view(values);
    long columns = stage.columns();
    long end = first + values.byteSize() / Float.BYTES;
    LowRankKernel kernel = Kernels.shared().lowRank().forWork((end - first) * stage.rank());
    for (long at = first; at < end;) {
      long row = at / columns;
      long column = at % columns;
      boolean isWhole = column == 0 && end - at >= columns;
      int rows = isWhole ? (int) ((end - at) / columns) : 1;
      int count = (int) Math.min(columns - column, end - at);
      kernel.add(
          view,
          (at - first) * Float.BYTES,
          rows,
          count,
          stage.factors(),
          row * stage.rank() * Float.BYTES,
          stage.rank(),
          stage.matrix(),
          column * Float.BYTES,
          columns * Float.BYTES);
      at += (long) rows * count;
    }
  }
}
