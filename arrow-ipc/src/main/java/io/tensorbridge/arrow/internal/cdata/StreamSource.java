package io.tensorbridge.arrow.internal.cdata;

/** What an exported stream gives; called by one thread at a time. */
public interface StreamSource {
  /**
   * Exports the schema.
   *
   * @param target the address of a struct
   */
  void exportSchema(long target);

  /**
   * Exports the next batch.
   *
   * @param target the address of a struct
   * @return false if there is none
   */
  boolean exportNext(long target);

  /** Ends the stream; called once. Batches that were exported live on. */
  void close();
}
