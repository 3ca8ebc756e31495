package io.tensorbridge.batch;

import io.tensorbridge.TensorLayout;
import io.tensorbridge.batch.wire.TensorDescriptor;

/**
 * A tensor of a block: its form is proven, its place is not.
 *
 * @param region id, or {@link TensorDescriptor#RELATIVE}
 * @param generation as the client believes it
 * @param layout where the elements lie in the region or output span
 */
record DecodedTensor(int region, int generation, TensorLayout layout) {
  boolean isRelative() {
    return region == TensorDescriptor.RELATIVE;
  }
}
