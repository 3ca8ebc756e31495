package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.TensorException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The elements of a source with what is not finite replaced by the limit of its column, and maybe
 * divided by the scale of the column; whoever runs over them watches the source itself.
 */
final class EqualizedFloats extends FloatSource {
  private final FloatSource source;
  private final ChannelScales channels;
  private final boolean clips;
  private final boolean divides;

  private EqualizedFloats(
      FloatSource source, ChannelScales channels, boolean clips, boolean divides) {
    super(source.type(), List.of());
    this.source = source;
    this.channels = channels;
    this.clips = clips;
    this.divides = divides;
  }

  /** What is quantized. */
  static FloatSource divided(FloatSource source, ChannelScales channels, NonFinite nonFinite) {
    return new EqualizedFloats(source, channels, nonFinite == NonFinite.CLIP, true);
  }

  /** What comes back but for the error. */
  static FloatSource clipped(FloatSource source, ChannelScales channels, NonFinite nonFinite) {
    return nonFinite == NonFinite.CLIP
        ? new EqualizedFloats(source, channels, true, false)
        : source;
  }

  @Override
  MemorySegment read(long first, int count, Scratch scratch) {
    MemorySegment values = source.readToChange(first, count, scratch);
    int columns = channels.columns();
    for (int at = 0; at < count;) {
      int column = (int) ((first + at) % columns);
      int length = Math.min(columns - column, count - at);
      if (clips) {
        clip(values, at, length, column);
      }
      if (divides) {
        divide(values, at, length, column);
      }
      at += length;
    }
    return values;
  }

  private void clip(MemorySegment values, int from, int length, int column) {
    for (int i = 0; i < length; i++) {
      long at = 4L * (from + i);
      float value = values.get(JAVA_FLOAT_UNALIGNED, at);
      if (!Float.isFinite(value)) {
        float limit = channels.limit(column + i);
        values.set(JAVA_FLOAT_UNALIGNED, at, Clipping.clip(value, limit));
      }
    }
  }

  private void divide(MemorySegment values, int from, int length, int column) {
    float[] scales = channels.scales();
    for (int i = 0; i < length; i++) {
      long at = 4L * (from + i);
      values.set(
          JAVA_FLOAT_UNALIGNED,
          at,
          values.get(JAVA_FLOAT_UNALIGNED, at) / scales[column + i]);
    }
  }

  @Override
  protected void copy(long first, MemorySegment values) {
    try (Scratch scratch = Scratch.borrow()) {
      values.copyFrom(read(first, Math.toIntExact(values.byteSize() / Float.BYTES), scratch));
    }
  }

  /** Names the element as the source has it. */
  @Override
  TensorException nonFinite(Scratch scratch) {
    return source.nonFinite(scratch);
  }
}
