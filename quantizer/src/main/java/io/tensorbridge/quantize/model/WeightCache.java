package io.tensorbridge.quantize.model;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Weights that no current generation needs, the least recently used given up first. */
final class WeightCache implements AutoCloseable {
  private final long budget;
  private final Map<WeightState, ModelWeight> weights = new LinkedHashMap<>();
  private long byteSize;

  /** Of at most so many bytes. */
  WeightCache(long budget) {
    this.budget = budget;
  }

  /** Hands a weight over to the caller, who then holds it. */
  synchronized @Nullable ModelWeight take(WeightState state) {
    ModelWeight weight = weights.remove(state);
    if (weight != null) {
      byteSize -= weight.byteSize();
    }
    return weight;
  }

  /** Takes over what the caller holds. */
  synchronized void put(ModelWeight weight) {
    ModelWeight other = weights.put(weight.state(), weight);
    byteSize += weight.byteSize();
    if (other != null) {
      byteSize -= other.byteSize();
      other.release();
    }
    Iterator<ModelWeight> eldest = weights.values().iterator();
    while (byteSize > budget) {
      ModelWeight victim = eldest.next();
      eldest.remove();
      byteSize -= victim.byteSize();
      victim.release();
    }
  }

  synchronized long byteSize() {
    return byteSize;
  }

  long budget() {
    return budget;
  }

  @Override
  public synchronized void close() {
    weights.values().forEach(ModelWeight::release);
    weights.clear();
    byteSize = 0;
  }
}
