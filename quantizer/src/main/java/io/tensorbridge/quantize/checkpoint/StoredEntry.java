package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.file.TensorEntry;
import java.util.function.UnaryOperator;

/**
 * An entry of a file that holds something of a quantized tensor.
 *
 * @param entry its name, dtype and shape
 * @param content where its bytes come from
 */
public record StoredEntry(TensorEntry entry, Content content) {
  /** Where the bytes of an entry come from. */
  public sealed interface Content {
    /**
     * The bytes of a part as they are.
     *
     * @param index of the part in {@link io.tensorbridge.quantize.QuantScheme#parts}
     */
    record Part(int index) implements Content {}

    /**
     * The same for every tensor of the scheme and shape.
     *
     * @param bytes as many as the entry has
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Constant(byte[] bytes) implements Content {}

    /**
     * Made of a whole small part.
     *
     * @param part its index
     * @param conversion makes the entry's bytes of the part's
     */
    record Converted(int part, UnaryOperator<byte[]> conversion) implements Content {}
  }
}
