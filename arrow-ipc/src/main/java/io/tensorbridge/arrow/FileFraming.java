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

  static IpcContent read(ByteSource file, OwnMemory memory) {
    ByteSource bytes = footer(file);
    Footer footer = Footer.getRootAsFooter(MetadataVerifier.verify(bytes, MetadataTable.FOOTER));
    ArrowSchema schema = SchemaReader.read(footer.schema(), bytes, footer.version());
    Dictionaries dictionaries = Dictionaries.of(schema, bytes, memory);
    Blocks blocks = new Blocks(file, bytes);
    for (int i = 0; i < footer.dictionariesLength(); i++) {
      dictionaries.add(blocks.message(footer.dictionaries(i)), false);
    }
    List<ArrowBatch> batches = new ArrayList<>(footer.recordBatchesLength());
    for (int i = 0; i < footer.recordBatchesLength(); i++) {
      IpcMessage message = blocks.message(footer.recordBatches(i));
      batches.add(BatchReader.read(schema, message, dictionaries));
    }
    dictionaries.requireReadable();
    return new IpcContent(schema, batches,
        SchemaReader.pairs(footer.customMetadataLength(), footer::customMetadata));
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

  /** The messages that a footer leads to, which together can't be larger than the file. */
  private static final class Blocks {
    private final ByteSource file;
    private final ByteSource footer;
    private final long end;
    private long left;

    Blocks(ByteSource file, ByteSource footer) {
      this.file = file;
      this.footer = footer;
      this.end = footer.fileOffset() - file.fileOffset();
      this.left = end;
    }

    IpcMessage message(Block block) {
      long offset = block.offset();
      long metadata = block.metaDataLength();
      long body = block.bodyLength();
      if (offset < HEAD_BYTES || offset > end || metadata < IpcMessage.PREFIX_BYTES
          || metadata > end - offset || body < 0 || body > end - offset - metadata) {
        throw footer.broken(0, BLOCKS, "a block at byte " + offset + " with " + metadata
            + " bytes of metadata and " + body + " of body");
      }
      left -= metadata + body;
      if (left < 0) {
        throw footer.broken(0, DISJOINT, "the blocks take more bytes than the file has");
      }
      int length = IpcMessage.metadataLength(file, offset);
      if (length > metadata - IpcMessage.PREFIX_BYTES) {
        throw wrong(file, offset, "metadata of " + length + " bytes", metadata);
      }
      IpcMessage message = IpcMessage.read(file, offset, length, offset + metadata);
      if (message.body().size() != body) {
        throw wrong(file, offset, "a body of " + message.body().size() + " bytes", body);
      }
      return message;
    }
  }

  private static FormatException wrong(
      ByteSource file, long offset, String found, long expected) {
    return file.broken(
        offset, BLOCKS, "a message has " + found + " where its block tells " + expected);
  }
}
