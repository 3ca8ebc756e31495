package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.arrow.flatbuf.Block;
import org.apache.arrow.flatbuf.Footer;

/**
 * Finds the messages of an IPC file by its footer.
 *
 * <pre>
 *   ARROW1 00 00 | messages | footer: a flatbuffer | its length: int32 | ARROW1
 * </pre>
 */
final class FileFraming {
  static final int HEAD_BYTES = 8;
  static final int TAIL_BYTES = Integer.BYTES + ArrowFile.MAGIC.length;

  static final String ENDS = "ARROW1 at both ends of a file";
  static final String FOOTER = "a footer within the file";
  static final String BLOCKS = "blocks within the file";
  static final String DISJOINT = "blocks that don't overlap";

  private FileFraming() {}

  static IpcContent read(ByteSource file) {
    ByteSource bytes = footer(file);
    Footer footer = Footer.getRootAsFooter(MetadataVerifier.verify(bytes, MetadataTable.FOOTER));
    ArrowSchema schema = SchemaReader.read(footer.schema(), bytes, footer.version());
    int count = footer.recordBatchesLength();
    List<ArrowBatch> batches = new ArrayList<>(count);
    long end = bytes.fileOffset() - file.fileOffset();
    long left = end;
    Block block = new Block();
    for (int i = 0; i < count; i++) {
      footer.recordBatches(block, i);
      requireWithin(block, end, bytes);
      left -= block.metaDataLength() + block.bodyLength();
      if (left < 0) {
        throw bytes.broken(0, DISJOINT, "the blocks take more bytes than the file has");
      }
      batches.add(BatchReader.read(schema, message(file, block)));
    }
    return new IpcContent(schema, batches);
  }

  private static ByteSource footer(ByteSource file) {
    long size = file.size();
    int magic = ArrowFile.MAGIC.length;
    if (size < HEAD_BYTES + TAIL_BYTES
        || !Arrays.equals(file.copy(size - magic, magic), ArrowFile.MAGIC)) {
      throw file.broken(size, ENDS, "the file ends without ARROW1: it was cut short, or its writer"
          + " was not closed");
    }
    long at = size - TAIL_BYTES;
    int length = IpcMessage.intAt(file, at);
    if (length <= 0 || length > at - HEAD_BYTES) {
      throw file.broken(at, FOOTER, "a footer of " + length + " bytes");
    }
    return file.slice("", at - length, length);
  }

  private static void requireWithin(Block block, long end, ByteSource footer) {
    long offset = block.offset();
    long metadata = block.metaDataLength();
    long body = block.bodyLength();
    if (offset < HEAD_BYTES || offset > end || metadata < IpcMessage.PREFIX_BYTES
        || metadata > end - offset || body < 0 || body > end - offset - metadata) {
      throw footer.broken(0, BLOCKS, "a block at byte " + offset + " with " + metadata
          + " bytes of metadata and " + body + " of body");
    }
  }

  private static IpcMessage message(ByteSource file, Block block) {
    long offset = block.offset();
    int length = IpcMessage.metadataLength(file, offset);
    if (length > block.metaDataLength() - IpcMessage.PREFIX_BYTES) {
      throw wrong(file, offset, "metadata of " + length + " bytes", block.metaDataLength());
    }
    IpcMessage message =
        IpcMessage.read(file, offset, length, offset + block.metaDataLength());
    if (message.body().size() != block.bodyLength()) {
      throw wrong(
          file, offset, "a body of " + message.body().size() + " bytes", block.bodyLength());
    }
    return message;
  }

  private static FormatException wrong(
      ByteSource file, long offset, String found, long expected) {
    return file.broken(
        offset, BLOCKS, "a message has " + found + " where its block tells " + expected);
  }
}
