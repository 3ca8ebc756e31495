package io.tensorbridge.arrow;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How Arrow data are written.
 *
 * @param streaming whether as a stream, else as a file, whose batches can be found without reading
 * @param compression how buffers are compressed; none if empty
 * @param footerMetadata text behind all rows of a file; a stream has no place for it
 * @param dictionaryDeltas whether only what is new is written of dictionaries that grow; else a stream
 *     replaces them, and a file can't have them. Those that have or are parts of other dictionaries, or
 *     hold unions, runs or list views, have no deltas
 */
public record WriteOptions(
    boolean streaming,
    Optional<ArrowCompression> compression,
    Map<String, String> footerMetadata,
    boolean dictionaryDeltas) {
  /** Copies the map. */
  public WriteOptions {
    footerMetadata = Collections.unmodifiableMap(new LinkedHashMap<>(footerMetadata));
  }

  /**
   * A file, not compressed.
   *
   * @return options
   */
  public static WriteOptions file() {
    return new WriteOptions(false, Optional.empty(), Map.of(), true);
  }

  /**
   * A stream, not compressed.
   *
   * @return options
   */
  public static WriteOptions stream() {
    return new WriteOptions(true, Optional.empty(), Map.of(), true);
  }

  /**
   * These options with compressed buffers; a buffer that would not become smaller is left as it is.
   *
   * @param codec how
   * @return options
   */
  public WriteOptions withCompression(ArrowCompression codec) {
    return new WriteOptions(streaming, Optional.of(codec), footerMetadata, dictionaryDeltas);
  }

  /**
   * These options with text in the footer.
   *
   * @param metadata in its order
   * @return options
   */
  public WriteOptions withFooterMetadata(Map<String, String> metadata) {
    return new WriteOptions(streaming, compression, metadata, dictionaryDeltas);
  }

  /**
   * These options for readers that know no deltas, as nanoarrow.
   *
   * @return options
   */
  public WriteOptions withoutDictionaryDeltas() {
    return new WriteOptions(streaming, compression, footerMetadata, false);
  }
}
