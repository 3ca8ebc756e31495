package io.tensorbridge.quantize.lora;

import io.tensorbridge.DType;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.LowRankKernel;
import io.tensorbridge.quantize.internal.kernel.LowRankProduct;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

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
    MemorySegment view = Native.view(values);
    LowRankProduct product = stage.product();
    long columns = product.columns();
    long count = values.byteSize() / Float.BYTES;
    Optional<MemorySegment> own = base.inPlace(first, count);
    if (own.isEmpty()) {
      base.read(first, view);
    }
    MemorySegment source = own.orElse(view);
    LowRankKernel kernel = Kernels.shared().lowRank().forWork(count * product.rank());
    for (long done = 0; done < count;) {
      long column = (first + done) % columns;
      boolean isWhole = column == 0 && count - done >= columns;
      int rows = isWhole ? (int) ((count - done) / columns) : 1;
      int width = (int) Math.min(columns - column, count - done);
      long offset = done * Float.BYTES;
      long row = (first + done) / columns;
      kernel.add(source, offset, view, offset, product, row, rows, column, width);
      done += (long) rows * width;
    }
  }
}
