package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.tensorbridge.op.OpRun;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Quantizes equalized columns: a first phase finds the greatest magnitude of each column, and
 * whichever of its chunks ends last writes their scales; then what is divided by them is quantized as
 * usual.
 *
 * <p>The greatest of magnitudes is the same in any order, so the bytes are the same for any number of
 * threads.
 */
final class SpatialQuantizing implements OpRun {
  private static final int INFINITE_BITS = 0x7f800000;

  /** So that the joining of a chunk's columns costs little beside their reading. */
  private static final int MIN_ROWS = 16;

  private final int scalesPart;
  private final NonFinite nonFinite;
  private final FloatSource source;
  private final Output output;
  private final ChannelScales channels;
  private final OpRun equalized;
  private final int chunkRows;
  private final AtomicInteger chunksLeft;

  /**
   * A run.
   *
   * @param equalized quantizes what {@code channels} equalize
   */
  SpatialQuantizing(
      UniformSpatialScheme scheme,
      NonFinite nonFinite,
      FloatSource source,
      Output output,
      ChannelScales channels,
      OpRun equalized) {
    this.scalesPart = scheme.scalesPart();
    this.nonFinite = nonFinite;
    this.source = source;
    this.output = output;
    this.channels = channels;
    this.equalized = equalized;
    this.chunkRows =
        Math.max(MIN_ROWS, Scratch.CHUNK_ELEMENTS / Math.max(1, channels.columns()));
    this.chunksLeft = new AtomicInteger(chunkCount(0));
  }

  @Override
  public int phaseCount() {
    return 1 + equalized.phaseCount();
  }

  @Override
  public int chunkCount(int phase) {
    return phase == 0
        ? Math.toIntExact(Math.ceilDiv(rows(), (long) chunkRows))
        : equalized.chunkCount(phase - 1);
  }

  private long rows() {
    return source.elementCount() / Math.max(1, channels.columns());
  }

  @Override
  public void runChunk(int phase, int chunk) {
    if (phase > 0) {
      equalized.runChunk(phase - 1, chunk);
      return;
    }
    long firstRow = (long) chunk * chunkRows;
    long endRow = Math.min(firstRow + chunkRows, rows());
    try (Scratch scratch = Scratch.borrow()) {
      channels.join(greatest(firstRow * channels.columns(), endRow * channels.columns(), scratch));
      if (chunksLeft.decrementAndGet() == 0) {
        channels.finish();
        writeScales(scratch);
      }
    }
  }

  /** The bits of the greatest finite magnitude of each column in some rows. */
  private int[] greatest(long from, long end, Scratch scratch) {
    int[] bits = new int[channels.columns()];
    for (long first = from; first < end; first += Scratch.CHUNK_ELEMENTS) {
      int count = (int) Math.min(Scratch.CHUNK_ELEMENTS, end - first);
      join(source.read(first, count, scratch), first, count, bits);
    }
    if (Arrays.stream(bits).allMatch(found -> found < INFINITE_BITS)) {
      return bits;
    }
    if (nonFinite == NonFinite.ERROR) {
      throw source.nonFinite(scratch);
    }
    Arrays.fill(bits, 0);
    for (long first = from; first < end; first += Scratch.CHUNK_ELEMENTS) {
      int count = (int) Math.min(Scratch.CHUNK_ELEMENTS, end - first);
      MemorySegment values = source.readToChange(first, count, scratch);
      Clipping.clip(values, 0, count, 0);
      join(values, first, count, bits);
    }
    return bits;
  }

  private void join(MemorySegment values, long first, int count, int[] bits) {
    for (int at = 0; at < count;) {
      int column = (int) ((first + at) % bits.length);
      int length = Math.min(bits.length - column, count - at);
      for (int i = 0; i < length; i++) {
        int magnitude = values.get(JAVA_INT_UNALIGNED, 4L * (at + i)) & 0x7fffffff;
        bits[column + i] = Math.max(bits[column + i], magnitude);
      }
      at += length;
    }
  }

  private void writeScales(Scratch scratch) {
    int columns = channels.columns();
    for (int first = 0; first < columns; first += Scratch.CHUNK_ELEMENTS) {
      int count = Math.min(Scratch.CHUNK_ELEMENTS, columns - first);
      long byteOffset = (long) first * Float.BYTES;
      MemorySegment target =
          output.claim(scalesPart, byteOffset, (long) count * Float.BYTES, scratch);
      MemorySegment.copy(channels.scales(), first, target, JAVA_FLOAT_UNALIGNED, 0, count);
      output.commit(scalesPart, byteOffset, target);
    }
  }
}
