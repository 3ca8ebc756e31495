package io.tensorbridge.batch;

import java.util.List;

/**
 * A block whose form is proven: every part lies within it, counts and texts are right.
 *
 * @param asked the operation and its option sets
 * @param continueOnError whether a failed item leaves the others running
 * @param threads workers at once, 0 for all
 * @param items in the order of the block
 */
record DecodedBatch(
    AskedOperation asked, boolean continueOnError, int threads, List<DecodedItem> items) {}
