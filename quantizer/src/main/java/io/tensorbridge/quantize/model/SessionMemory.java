package io.tensorbridge.quantize.model;

/**
 * What a session keeps in memory; bytes.
 *
 * @param current the weights of the current state
 * @param earlier weights of earlier states that open snapshots hold
 * @param cached weights that are kept for states to come
 * @param cacheBudget the most that {@code cached} may be
 * @param adapters the factors of the adapters that are applied
 */
public record SessionMemory(
    long current, long earlier, long cached, long cacheBudget, long adapters) {}
