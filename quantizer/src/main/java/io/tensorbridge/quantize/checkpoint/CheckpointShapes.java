package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.BridgeException;
import io.tensorbridge.Shape;

/** Shapes that a checkpoint tells in its data. */
final class CheckpointShapes {
  private CheckpointShapes() {}

  /**
   * The shape of a tensor that is not empty.
   *
   * @throws io.tensorbridge.FormatException if there can be no such tensor
   */
  static Shape of(String tensor, long[] dimensions) {
    try {
      Shape shape = Shape.of(dimensions);
      if (shape.elementCount() > 0) {
        return shape;
      }
    } catch (BridgeException absurd) {
      throw CheckpointEntries.broken(
          tensor, "shapes of stored elements", "tells its shape: " + absurd.getMessage());
    }
    throw CheckpointEntries.broken(
        tensor, "shapes of stored elements", "tells that it is empty");
  }
}
