package io.tensorbridge.quantize.lora;

/**
 * An adapter that is matched to a model, and how strongly it is applied.
 *
 * @param adapter equal to itself only
 * @param scale beside alpha by rank; 1 applies it as it was trained, 0 not at all
 */
public record AppliedAdapter(MatchedAdapter adapter, double scale) {}
