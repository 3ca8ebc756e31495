package io.tensorbridge.arrow.vector;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowMessages;
import io.tensorbridge.arrow.ArrowSchema;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.DictionaryUtility;

/** Schemas of Arrow Java and ours, by way of the metadata that both write and read. */
final class VectorSchemas {
  private static final int PREFIX_BYTES = 8;
  private static final int CONTINUATION = -1;

  private VectorSchemas() {}

  /**
   * Our schema as Arrow Java's, fields of dictionaries still with the type of their values.
   *
   * @throws FormatException if Arrow Java doesn't know a type
   */
  static Schema toJava(ArrowSchema schema) {
    byte[] metadata = ArrowMessages.write(schema);
    int padded = Math.ceilDiv(metadata.length, PREFIX_BYTES) * PREFIX_BYTES;
    ByteBuffer message = ByteBuffer.allocate(PREFIX_BYTES + padded)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(CONTINUATION)
        .putInt(padded)
        .put(metadata)
        .rewind();
    try {
      return Schema.deserializeMessage(message);
    } catch (RuntimeException unknown) {
      throw new FormatException("Arrow Java has no such schema: " + schema + "; " + unknown);
    }
  }

  /** Arrow Java's schema as ours, fields of dictionaries again with the type of their values. */
  static ArrowSchema toOurs(Schema schema, DictionaryProvider dictionaries) {
    List<Field> fields = new ArrayList<>();
    for (Field field : schema.getFields()) {
      fields.add(
          DictionaryUtility.toMessageFormat(field, dictionaries, new LinkedHashSet<>()));
    }
    byte[] message = new Schema(fields, schema.getCustomMetadata()).serializeAsMessage();
    ByteBuffer prefix = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
    byte[] metadata = new byte[prefix.getInt(Integer.BYTES)];
    prefix.get(PREFIX_BYTES, metadata);
    return ArrowMessages.readSchema(metadata);
  }
}
