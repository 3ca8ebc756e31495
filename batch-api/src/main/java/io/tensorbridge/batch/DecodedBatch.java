package io.tensorbridge.batch;

import java.util.List;

/**
 * A block whose form is proven: every part lies within it, counts and texts are right.
 *
 * @param operation the name that the client asks for
 * @param continueOnError whether a failed item leaves the others running
 * @param threads workers at once, 0 for all
 * @param optionTexts one text for each option set, not parsed yet
 * @param items in the order of the block
 */
record DecodedBatch(
    String operation,
    boolean continueOnError,
    int threads,
    List<String> optionTexts,
    List<DecodedItem> items) {}
