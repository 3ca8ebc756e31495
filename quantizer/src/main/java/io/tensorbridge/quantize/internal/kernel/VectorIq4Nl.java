package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.HALF;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarIq4Nl}; the search is {@link Iq4NlTile}'s. */
final class VectorIq4Nl implements BlockKernel, ImportanceKernel {
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int BLOCK = ELEMENTS * Float.BYTES;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    Iq4NlTile tile = new Iq4NlTile();
    for (int done = 0; done < blocks; done += Iq4NlTile.BLOCKS) {
      int count = Math.min(Iq4NlTile.BLOCKS, blocks - done);
      tile.search(source, sourceOffset + (long) done * BLOCK, count);
      store(tile, count, target, targetOffset + (long) done * BYTES);
    }
    return tile.magnitude();
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment importance,
      long importanceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    Iq4NlTile tile = new Iq4NlTile();
    for (int done = 0; done < blocks; done += Iq4NlTile.BLOCKS) {
      int count = Math.min(Iq4NlTile.BLOCKS, blocks - done);
      long before = (long) done * BLOCK;
      tile.search(source, sourceOffset + before, importance, importanceOffset + before, count);
      store(tile, count, target, targetOffset + (long) done * BYTES);
    }
    return tile.magnitude();
  }

  private static void store(Iq4NlTile tile, int count, MemorySegment target, long to) {
    for (int block = 0; block < count; block++) {
      long codes = to + (long) block * BYTES + CODES;
      target.set(Iq4NlLayout.SCALE, codes - CODES, Float.floatToFloat16(tile.scale(block)));
      tile.storeNibbles(block, target, codes);
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * BYTES;
      long to = targetOffset + (long) block * BLOCK;
      dequantizeBlock(source, from, target, to);
    }
  }

  private static void dequantizeBlock(
      MemorySegment source, long from, MemorySegment target, long to) {
    float scale = Float.float16ToFloat(source.get(Iq4NlLayout.SCALE, from));
    for (int at = 0; at < HALF; at += Lanes.BYTES.length()) {
      ByteVector nibbles =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        long offset = to + 4L * at + (long) part * STEP;
        IntVector codes = (IntVector) nibbles.convertShape(VectorOperators.B2I, Lanes.INTS, part);
        IntVector high = codes.lanewise(VectorOperators.LSHR, 4);
        values(codes.and(15), scale).intoMemorySegment(target, offset, Lanes.ORDER);
        values(high.and(15), scale).intoMemorySegment(target, offset + BLOCK / 2, Lanes.ORDER);
      }
    }
  }

  private static FloatVector values(IntVector codes, float scale) {
    return Iq4NlTable.values(codes).mul(scale);
  }
}
