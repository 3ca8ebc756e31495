package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.tensorbridge.op.OpRun;
import java.lang.foreign.MemorySegment;

/**
 * Quantizes rows in the order of their timesteps: {@link LongGroupQuantizing} over sorted rows, whose
 * first phase has some chunks more, which write the order.
 */
final class TimeQuantizing implements OpRun {
  private final RowOrder order;
  private final int orderPart;
  private final Output output;
  private final OpRun sorted;

  TimeQuantizing(
      UniformTimeScheme scheme,
      RowOrder order,
      NonFinite nonFinite,
      FloatSource source,
      Output output) {
    this.order = order;
    this.orderPart = scheme.orderPart();
    this.output = output;
    this.sorted =
        new LongGroupQuantizing(
            scheme.rule(),
            TimeGroups.of(scheme.groups(), source.type().shape()),
            nonFinite,
            new SortedRows(source, order),
            output);
  }

  @Override
  public int phaseCount() {
    return sorted.phaseCount();
  }

  @Override
  public int chunkCount(int phase) {
    int chunks = sorted.chunkCount(phase);
    return phase == 0
        ? Math.addExact(chunks, Math.ceilDiv(order.rows(), Scratch.CHUNK_ELEMENTS))
        : chunks;
  }

  @Override
  public void runChunk(int phase, int chunk) {
    int chunks = sorted.chunkCount(phase);
    if (chunk < chunks) {
      sorted.runChunk(phase, chunk);
    } else {
      writeOrder((chunk - chunks) * Scratch.CHUNK_ELEMENTS);
    }
  }

  private void writeOrder(int first) {
    int count = Math.min(Scratch.CHUNK_ELEMENTS, order.rows() - first);
    long byteOffset = (long) first * Integer.BYTES;
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment target =
          output.claim(orderPart, byteOffset, (long) count * Integer.BYTES, scratch);
      MemorySegment.copy(order.originals(), first, target, JAVA_INT_UNALIGNED, 0, count);
      output.commit(orderPart, byteOffset, target);
    }
  }
}
