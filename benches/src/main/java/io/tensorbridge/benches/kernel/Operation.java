package io.tensorbridge.benches.kernel;

import java.util.Locale;

/** What is done to the memory; also the names of the JMH methods. */
enum Operation {
  /** A kernel reads float32. */
  QUANTIZE,
  /** A kernel writes float32. */
  DEQUANTIZE,
  /** A bound: the memory is copied. */
  COPY,
  /** A bound: the memory is read only. */
  READ;

  /** Whether it needs no scheme. */
  boolean isBound() {
    return this == COPY || this == READ;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
