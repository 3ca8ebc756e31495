package io.tensorbridge.op;

import io.tensorbridge.TensorType;

/**
 * One output of an item, known before it runs; outputs are row-major.
 *
 * @param name what it is within the item, for example {@code data} or {@code scales}
 * @param type its dtype and shape, and so its size
 */
public record OutputSpec(String name, TensorType type) {}
