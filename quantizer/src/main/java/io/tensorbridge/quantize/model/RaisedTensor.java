package io.tensorbridge.quantize.model;

import io.tensorbridge.quantize.TensorQuality;
import java.util.List;

/**
 * A tensor that got more bits than was asked for, because it missed its gate.
 *
 * @param name the tensor
 * @param rungs what it was measured as, at least two: the first is what was planned, the last what
 *     was written
 */
public record RaisedTensor(String name, List<Rung> rungs) {
  /**
   * A step of the ladder.
   *
   * @param encoding a scheme or dtype
   * @param quality how close the tensor was with it
   */
  public record Rung(String encoding, TensorQuality quality) {}

  /** Keeps its own list. */
  public RaisedTensor {
    rungs = List.copyOf(rungs);
  }

  /**
   * What was planned.
   *
   * @return the first rung
   */
  public Rung from() {
    return rungs.getFirst();
  }

  /**
   * What was written.
   *
   * @return the last rung
   */
  public Rung to() {
    return rungs.getLast();
  }
}
