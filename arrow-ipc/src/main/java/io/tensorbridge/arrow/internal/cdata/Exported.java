package io.tensorbridge.arrow.internal.cdata;

/** What stands behind exported structs until they are released; thread-safe. */
public sealed interface Exported permits ExportedTree, ExportedStream {}
