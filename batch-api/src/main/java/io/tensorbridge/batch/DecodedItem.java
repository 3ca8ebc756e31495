package io.tensorbridge.batch;

import java.util.List;

/**
 * An item of a block.
 *
 * @param optionSet index of an option set, proven
 * @param itemIndex which waiting item goes on, not proven
 * @param inputs what it reads
 * @param outputs where its results go
 */
record DecodedItem(
    int optionSet, int itemIndex, List<DecodedTensor> inputs, List<DecodedTensor> outputs) {}
