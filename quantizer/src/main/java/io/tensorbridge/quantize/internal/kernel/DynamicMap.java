package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Floats as codes of eight bits in bitsandbytes' dynamic map, in blocks of 256 with a scale each
 * ({@code functional.quantize_blockwise}, bitsandbytes 0.50, on a CPU); bitsandbytes keeps the
 * scales of {@code nf4} and {@code fp4} so when statistics are compressed.
 *
 * <p>The map has 256 values in [-1, 1]: 0, 1, and for each power of ten from 1e-6 to 1 the midpoints
 * of twice as many even steps as for the power before, with both signs. A value {@code v * (1 /
 * amax)} falls into one of 65,536 even bins, and gets the code that is nearest to the bin's lower
 * edge.
 */
public final class DynamicMap {
  /** Elements that share a scale. */
  public static final int BLOCK = 256;

  private static final int EXPONENTS = 7;
  private static final int BINS = 65536;
  private static final float[] VALUES = values();
  private static final byte[] CODE_OF_BIN = codeOfBin();

  private DynamicMap() {}

  /**
   * The value of each code, in order, as {@code create_dynamic_map} makes them where the processor
   * has FMA.
   *
   * @return a new array
   */
  public static float[] values() {
    float[] values = new float[256];
    int count = 0;
    values[count++] = 0f;
    values[count++] = 1f;
    for (int exponent = 0; exponent < EXPONENTS; exponent++) {
      float power = (float) Math.pow(10, exponent - (EXPONENTS - 1.0));
      int steps = 1 << exponent;
      for (int i = 0; i < steps; i++) {
        float value = power * ((boundary(i, steps) + boundary(i + 1, steps)) / 2);
        values[count++] = value;
        values[count++] = -value;
      }
    }
    Arrays.sort(values);
    return values;
  }

  /** {@code torch.linspace(0.1, 1, steps + 1)[i]}: from either end, with fused additions. */
  private static float boundary(int i, int steps) {
    float step = (1f - 0.1f) / steps;
    return i < (steps + 1) / 2 ? Math.fma(step, i, 0.1f) : Math.fma(-step, steps - i, 1f);
  }

  private static byte[] codeOfBin() {
    byte[] codes = new byte[BINS];
    int code = 0;
    for (int bin = 0; bin < BINS; bin++) {
      float edge = -1f + 2f * bin / (BINS - 1);
      while (code < 255 && 0.5f * (VALUES[code] + VALUES[code + 1]) < edge) {
        code++;
      }
      codes[bin] = (byte) code;
    }
    return codes;
  }

  /**
   * Quantizes a run of blocks.
   *
   * @param source floats
   * @param count how many; only the last block may be shorter
   * @param offset taken from each before
   * @param codes receives a byte for each
   * @param scales receives a float for each block
   */
  public static void quantize(
      MemorySegment source, int count, float offset, MemorySegment codes, MemorySegment scales) {
    for (int from = 0; from < count; from += BLOCK) {
      int to = Math.min(from + BLOCK, count);
      float amax = 0;
      for (int i = from; i < to; i++) {
        amax = Math.max(amax, Math.abs(at(source, i) - offset));
      }
      scales.set(JAVA_FLOAT_UNALIGNED, (long) from / BLOCK * Float.BYTES, amax);
      float factor = 1f / amax;
      for (int i = from; i < to; i++) {
        codes.set(JAVA_BYTE, i, amax == 0 ? 0 : code((at(source, i) - offset) * factor));
      }
    }
  }

  private static float at(MemorySegment floats, int index) {
    return floats.get(JAVA_FLOAT_UNALIGNED, (long) index * Float.BYTES);
  }

  private static byte code(float scaled) {
    float inUnit = (Math.clamp(scaled, -1f, 1f) + 1f) * 0.5f;
    return CODE_OF_BIN[(int) (inUnit * (BINS - 1) + 0.5f)];
  }

  /**
   * Dequantizes a run that may begin within a block.
   *
   * @param codes a byte for each float
   * @param inBlock how many floats of the first block come before the run
   * @param count how many
   * @param scales a float for each block of the run
   * @param offset added to each
   * @param target receives floats
   */
  public static void dequantize(
      MemorySegment codes,
      int inBlock,
      int count,
      MemorySegment scales,
      float offset,
      MemorySegment target) {
    for (int i = 0; i < count; i++) {
      float scale = at(scales, (inBlock + i) / BLOCK);
      float value = VALUES[codes.get(JAVA_BYTE, i) & 255] * scale + offset;
      target.set(JAVA_FLOAT_UNALIGNED, (long) i * Float.BYTES, value);
    }
  }
}
