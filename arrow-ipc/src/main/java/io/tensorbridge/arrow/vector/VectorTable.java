package io.tensorbridge.arrow.vector;

import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/**
 * A batch as Arrow Java sees it. The vectors are for reading: who changes them changes the memory
 * that they came from, or ends the JVM where that is mapped for reading.
 *
 * @param root the columns
 * @param dictionaries the values of those that hold indexes
 */
public record VectorTable(
    VectorSchemaRoot root,
    DictionaryProvider.MapDictionaryProvider dictionaries) implements AutoCloseable {
  /** Releases the vectors; the memory goes with the last buffer that was retained of them. */
  @Override
  public void close() {
    root.close();
    dictionaries.close();
  }
}
