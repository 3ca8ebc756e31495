package io.tensorbridge.batch.wire;

/** The version of the wire format that this software speaks. */
public final class WireVersion {
  /** Both sides must have the same. */
  public static final int MAJOR = 1;

  /** What both sides know is the lower one. */
  public static final int MINOR = 0;

  private WireVersion() {}
}
