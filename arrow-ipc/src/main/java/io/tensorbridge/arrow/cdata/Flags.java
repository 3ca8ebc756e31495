package io.tensorbridge.arrow.cdata;

/** The bits of {@code ArrowSchema.flags}. */
final class Flags {
  static final long DICTIONARY_ORDERED = 1;
  static final long NULLABLE = 2;
  static final long MAP_KEYS_SORTED = 4;

  private Flags() {}
}
