package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.Block;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;

/** What is written of a file or stream besides bodies. */
final class MessageBytes {
  private MessageBytes() {}

  /**
   * Where a message stands in a file.
   *
   * @param offset where it begins
   * @param metadataLength its prefix, metadata and their padding
   * @param bodyLength its body with its padding
   */
  record Place(long offset, int metadataLength, long bodyLength) {
    long bodyOffset() {
      return offset + metadataLength;
    }

    long end() {
      return bodyOffset() + bodyLength;
    }
  }

  /** The message of a schema at an offset. */
  static byte[] schema(ArrowSchema schema, long offset) {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    int table = SchemaWriter.write(builder, schema);
    return framed(BatchPlan.finish(builder, MessageHeader.Schema, table, 0), offset);
  }

  /** The prefix and the metadata, padded so that what follows is aligned in the file. */
  static byte[] framed(byte[] metadata, long offset) {
    long end = BatchPlan.padded(offset + IpcMessage.PREFIX_BYTES + metadata.length);
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(end - offset)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(IpcMessage.CONTINUATION);
    bytes.putInt(bytes.capacity() - IpcMessage.PREFIX_BYTES);
    return bytes.put(metadata).array();
  }

  /** The end of a stream. */
  static byte[] endOfStream() {
    return ByteBuffer.allocate(IpcMessage.PREFIX_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(IpcMessage.CONTINUATION)
        .array();
  }

  /** The end of the stream in a file, the footer, its length, and the magic. */
  static byte[] end(
      ArrowSchema schema,
      List<Place> dictionaries,
      List<Place> batches,
      Map<String, String> metadata) {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    int table = SchemaWriter.write(builder, schema);
    int pairs = metadata.isEmpty()
        ? 0
        : Footer.createCustomMetadataVector(builder, SchemaWriter.pairs(builder, metadata));
    Footer.startDictionariesVector(builder, dictionaries.size());
    int dictionaryBlocks = blocks(builder, dictionaries);
    Footer.startRecordBatchesVector(builder, batches.size());
    int batchBlocks = blocks(builder, batches);
    builder.finish(
        Footer.createFooter(
            builder, MetadataVersion.V5, table, dictionaryBlocks, batchBlocks, pairs));
    byte[] footer = builder.sizedByteArray();
    return ByteBuffer.allocate(IpcMessage.PREFIX_BYTES + footer.length + FileFraming.TAIL_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(endOfStream())
        .put(footer)
        .putInt(footer.length)
        .put(ArrowFile.MAGIC)
        .array();
  }

  private static int blocks(FlatBufferBuilder builder, List<Place> places) {
    for (Place place : places.reversed()) {
      Block.createBlock(builder, place.offset, place.metadataLength, place.bodyLength);
    }
    return builder.endVector();
  }
}
