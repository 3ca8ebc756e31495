package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.FIRST;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.HALF;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.SMALLEST;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.TRIES;

import java.lang.foreign.MemorySegment;

/** The reference for {@link Iq4NlLayout}: a block at a time, a trial at a time. */
final class ScalarIq4Nl implements BlockKernel, ImportanceKernel {
  /**
   * The code of {@code floor(2 * scaled)} from -256 to 255: every cut is a multiple of one half, so
   * that the table is exact.
   */
  private static final byte[] NEAREST = nearest();

  private static final float[] VALUES = Iq4NlLayout.values();

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    float[] values = new float[ELEMENTS];
    float[] weights = new float[ELEMENTS];
    int magnitude = 0;
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + 4L * block * ELEMENTS;
      Strip.load(source, from, values, ELEMENTS);
      for (int i = 0; i < ELEMENTS; i++) {
        weights[i] = values[i] * values[i];
      }
      long to = targetOffset + (long) block * BYTES;
      magnitude = Math.max(magnitude, quantizeBlock(values, weights, target, to));
    }
    return magnitude;
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
    float[] values = new float[ELEMENTS];
    float[] weights = new float[ELEMENTS];
    int magnitude = 0;
    for (int block = 0; block < blocks; block++) {
      long before = 4L * block * ELEMENTS;
      Strip.load(source, sourceOffset + before, values, ELEMENTS);
      Strip.load(importance, importanceOffset + before, weights, ELEMENTS);
      weigh(values, weights);
      long to = targetOffset + (long) block * BYTES;
      magnitude = Math.max(magnitude, quantizeBlock(values, weights, target, to));
    }
    return magnitude;
  }

  /** Turns importances into weights. */
  private static void weigh(float[] values, float[] weights) {
    float sum = 0;
    for (int i = 0; i < ELEMENTS; i++) {
      sum += values[i] * values[i];
    }
    float variance = sum * Iq4NlLayout.VARIANCE;
    for (int i = 0; i < ELEMENTS; i++) {
      weights[i] *= (float) Math.sqrt(variance + values[i] * values[i]);
    }
  }

  private static int quantizeBlock(
      float[] values, float[] weights, MemorySegment target, long to) {
    int greatest = 0;
    float signedMax = 0;
    for (float value : values) {
      int bits = Float.floatToRawIntBits(value) & 0x7fffffff;
      signedMax = bits > greatest ? value : signedMax;
      greatest = Math.max(greatest, bits);
    }
    float scale = Math.abs(signedMax) < SMALLEST ? 0f : fit(values, weights, signedMax);
    target.set(Iq4NlLayout.SCALE, to, Float.floatToFloat16(scale));
    byte[] nibbles = new byte[HALF];
    pack(values, Iq4NlLayout.inverse(scale), nibbles);
    Strip.store(nibbles, HALF, target, to + CODES);
    return greatest;
  }

  /** The scale of the best trial. */
  private static float fit(float[] values, float[] weights, float signedMax) {
    float scale = 0;
    float best = 0;
    for (int trial = -TRIES - 1; trial <= TRIES; trial++) {
      boolean first = trial < -TRIES;
      float inverse = first ? 1f / (-signedMax / FIRST) : (trial + FIRST) / signedMax;
      float fitted = 0;
      float squares = 0;
      for (int i = 0; i < ELEMENTS; i++) {
        float value = VALUES[nearest(inverse * values[i])];
        float weighted = weights[i] * value;
        fitted += weighted * values[i];
        squares += weighted * value;
      }
      if (first) {
        scale = squares > 0 ? fitted / squares : 0f;
        best = scale * fitted;
      } else if (squares > 0 && fitted * fitted > best * squares) {
        scale = fitted / squares;
        best = scale * fitted;
      }
    }
    return scale;
  }

  /** {@link Iq4NlLayout#code}, by table. */
  private static int nearest(float scaled) {
    if (!(scaled < 127)) {
      return 15;
    }
    return NEAREST[(int) Math.floor(Math.max(-256f, 2 * scaled)) + 256];
  }

  private static byte[] nearest() {
    byte[] codes = new byte[512];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (byte) Iq4NlLayout.code((i - 256) / 2f);
    }
    return codes;
  }

  private static void pack(float[] values, float inverse, byte[] nibbles) {
    for (int j = 0; j < HALF; j++) {
      int low = nearest(inverse * values[j]);
      int high = nearest(inverse * values[HALF + j]);
      nibbles[j] = (byte) (low | (high << 4));
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] nibbles = new byte[HALF];
    float[] values = new float[ELEMENTS];
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * BYTES;
      float scale = Float.float16ToFloat(source.get(Iq4NlLayout.SCALE, from));
      Strip.load(source, from + CODES, nibbles, HALF);
      for (int j = 0; j < HALF; j++) {
        values[j] = scale * VALUES[nibbles[j] & 15];
        values[HALF + j] = scale * VALUES[(nibbles[j] >> 4) & 15];
      }
      Strip.store(values, ELEMENTS, target, targetOffset + 4L * block * ELEMENTS);
    }
  }
}
