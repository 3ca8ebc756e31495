package io.tensorbridge.arrow;

import io.tensorbridge.shm.file.ByteSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.Schema;

/**
 * Reads the messages of an IPC stream one after another: the schema, then record batches, up to an
 * empty message or the end of the file.
 */
final class StreamFraming {
  static final String SCHEMA_FIRST = "one schema, before everything else";
  static final String KNOWN_MESSAGE = "messages of schemas, dictionaries and record batches";

  private StreamFraming() {}

  static IpcContent read(ByteSource file, OwnMemory memory) {
    List<ArrowBatch> batches = new ArrayList<>();
    ArrowSchema schema = null;
    Dictionaries dictionaries = null;
    long offset = 0;
    while (offset < file.size()) {
      int length = IpcMessage.metadataLength(file, offset);
      if (length == 0) {
        break;
      }
      IpcMessage message =
          IpcMessage.read(file, offset, length, offset + IpcMessage.PREFIX_BYTES + length);
      byte type = message.header().headerType();
      if ((schema == null) != (type == MessageHeader.Schema)) {
        throw message.metadata().broken(0, SCHEMA_FIRST,
            "a message of the type " + MessageHeader.name(Math.clamp(type, 0, 5)));
      }
      if (schema == null || dictionaries == null) {
        schema = SchemaReader.read((Schema) message.header().header(new Schema()),
            message.metadata(), message.header().version());
        dictionaries = Dictionaries.of(schema, message.metadata(), memory);
      } else if (type == MessageHeader.RecordBatch) {
        batches.add(BatchReader.read(schema, message, dictionaries));
      } else if (type == MessageHeader.DictionaryBatch) {
        dictionaries.add(message, true);
      } else {
        throw message.metadata().broken(0, KNOWN_MESSAGE, "a message of the type " + type);
      }
      offset = message.body().fileOffset() - file.fileOffset() + message.body().size();
    }
    if (schema == null || dictionaries == null) {
      throw file.broken(0, SCHEMA_FIRST, "a stream without messages");
    }
    dictionaries.requireReadable();
    return new IpcContent(schema, batches, Map.of());
  }
}
