package io.tensorbridge.quantize;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpRun;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The elements of a quantized tensor. Whoever asks for other elements than a chunk of the
 * dequantization gives has the chunks that hold them dequantized, and takes what is needed.
 */
final class DequantizedFloats extends FloatSource {
  private final Dequantization dequantization;
  private final List<Tensor> parts;

  DequantizedFloats(Dequantization dequantization, Shape shape, List<Tensor> parts) {
    super(new TensorType(DType.F32, shape), parts);
    Parts.require(dequantization.parts(), parts);
    this.dequantization = dequantization;
    this.parts = List.copyOf(parts);
  }

  @Override
  public OpRun run(PartSink sink) {
    DequantizingRun chunks = dequantization.run(parts, sink);
    boolean usual = chunks.chunkCount(0) <= 1 || chunks.firstElement(1) == Scratch.CHUNK_ELEMENTS;
    return usual && elementCount() <= (long) Scratch.CHUNK_ELEMENTS * chunks.chunkCount(0)
        ? watch(chunks)
        : super.run(sink);
  }

  @Override
  protected void copy(long first, MemorySegment values) {
    long from = first * Float.BYTES;
    long end = from + values.byteSize();
    DequantizingRun chunks =
        dequantization.run(
            parts,
            (part, byteOffset, bytes) -> {
              long begin = Math.max(from, byteOffset);
              long length = Math.min(end, byteOffset + bytes.byteSize()) - begin;
              if (length > 0) {
                MemorySegment.copy(bytes, begin - byteOffset, values, begin - from, length);
              }
            });
    if (from == end) {
      return;
    }
    int last = chunks.chunkOf((end - 1) / Float.BYTES);
    for (int chunk = chunks.chunkOf(first); chunk <= last; chunk++) {
      chunks.runChunk(0, chunk);
    }
  }
}
