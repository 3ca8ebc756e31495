package io.tensorbridge;

/** What the peer may do with a region; chosen when the region is created. */
public enum Access {
  /** The peer may read only; the kernel refuses a writable mapping. */
  READ,
  /** Both sides may read and write: rings, outputs, in-place work. */
  READWRITE
}
