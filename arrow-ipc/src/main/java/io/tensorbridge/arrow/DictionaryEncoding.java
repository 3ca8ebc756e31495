package io.tensorbridge.arrow;

/**
 * That a column holds indexes into a dictionary instead of values.
 *
 * @param id of the dictionary; several fields may share one
 * @param indexType of the indexes
 * @param ordered whether the order of the dictionary has a meaning
 */
public record DictionaryEncoding(long id, ArrowType.Int indexType, boolean ordered) {}
