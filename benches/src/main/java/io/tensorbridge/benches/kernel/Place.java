package io.tensorbridge.benches.kernel;

import java.util.Locale;

/** Where the memory of a measurement lies. */
enum Place {
  /** Far more float32 than the last cache holds. */
  DRAM,
  /** A quarter of each core's second-level cache, so that the output fits beside it. */
  CACHE;

  /** In the names of contenders. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
