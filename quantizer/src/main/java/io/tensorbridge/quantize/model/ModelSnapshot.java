package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorNames;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One state of a session: addresses and bytes stay the same until it is closed, whatever happens to
 * the session; thread-safe.
 */
public final class ModelSnapshot implements AutoCloseable {
  private final Generation generation;
  private final AtomicBoolean closed = new AtomicBoolean();

  /** Takes over what the caller holds. */
  ModelSnapshot(Generation generation) {
    this.generation = generation;
  }

  /**
   * The adapters that are merged.
   *
   * @return names and strengths, in the order in which they were applied
   */
  public Map<String, Double> adapters() {
    return generation.adapters();
  }

  /**
   * All weights.
   *
   * @return by name, in the order of the base model
   */
  public Map<String, ModelWeight> weights() {
    return generation.weights();
  }

  /**
   * One weight.
   *
   * @param name its name in the base model
   * @return the weight
   * @throws TensorException if there is none; the message lists the nearest names
   */
  public ModelWeight weight(String name) {
    ModelWeight weight = generation.weights().get(name);
    if (weight == null) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          name,
          -1,
          "is no tensor of the session; the nearest are "
              + String.join(", ", TensorNames.nearest(name, generation.weights().keySet())),
          null);
    }
    return weight;
  }

  /** Lets go of the weights; what nobody else shows is freed. A second call does nothing. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      generation.release();
    }
  }
}
