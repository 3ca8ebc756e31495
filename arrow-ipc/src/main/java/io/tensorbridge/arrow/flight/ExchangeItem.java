package io.tensorbridge.arrow.flight;

import io.tensorbridge.BridgeException;
import io.tensorbridge.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One row of a batch that came.
 *
 * @param name from its column, or the row's number
 * @param inputs over the columns' memory; empty if there is a failure
 * @param failure why the row holds no tensors
 */
record ExchangeItem(String name, List<Tensor> inputs, @Nullable BridgeException failure) {}
