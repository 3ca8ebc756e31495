package io.tensorbridge.quantize.model;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** All weights of a session in one state; it holds each of them until its last holder lets go. */
final class Generation {
  private final Map<String, Double> adapters;
  private final Map<String, ModelWeight> weights;
  private final AtomicInteger holders = new AtomicInteger(1);

  /** Takes over what the caller holds of the weights. */
  Generation(Map<String, Double> adapters, Map<String, ModelWeight> weights) {
    this.adapters = Collections.unmodifiableMap(new LinkedHashMap<>(adapters));
    this.weights = Collections.unmodifiableMap(weights);
  }

  Map<String, Double> adapters() {
    return adapters;
  }

  Map<String, ModelWeight> weights() {
    return weights;
  }

  long byteSize() {
    long sum = 0;
    for (ModelWeight weight : weights.values()) {
      sum += weight.byteSize();
    }
    return sum;
  }

  /** Whether the caller now holds it; false if its last holder has gone. */
  boolean retain() {
    int count = holders.get();
    while (count > 0 && !holders.compareAndSet(count, count + 1)) {
      count = holders.get();
    }
    return count > 0;
  }

  void release() {
    if (holders.decrementAndGet() == 0) {
      weights.values().forEach(ModelWeight::release);
    }
  }
}
