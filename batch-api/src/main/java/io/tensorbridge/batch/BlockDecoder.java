package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.ItemRecord;
import io.tensorbridge.batch.wire.Utf8;
import io.tensorbridge.batch.wire.WireVersion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads batch blocks: copies the bytes once into private memory, proves the form of every part, and
 * gives immutable values. Not thread-safe.
 *
 * <p>Everything that a hostile client can write ends in a {@link ProtocolException} with the code
 * that {@code spec/batch-block.md} names. What depends on other memory (regions, plans, waiting
 * items) is left to {@link BatchBinder}.
 */
final class BlockDecoder {
  private static final long KEPT_BYTES = 1 << 20;
  private static final int ALIGNMENT = 8;

  private final int maxItems;
  private final long maxBlockBytes;
  private MemorySegment buffer = Arena.ofAuto().allocate(1 << 14, ALIGNMENT);

  BlockDecoder(int maxItems, long maxBlockBytes) {
    this.maxItems = maxItems;
    this.maxBlockBytes = maxBlockBytes;
  }

  /**
   * Copies and reads a block.
   *
   * @param shared the span in which the client wrote it
   * @return what it says
   * @throws ProtocolException if it breaks the format
   */
  DecodedBatch decode(MemorySegment shared) {
    long length = shared.byteSize();
    if (length < BatchBlock.BYTES || length > maxBlockBytes) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH,
          "a block has " + BatchBlock.BYTES + " to " + maxBlockBytes + " bytes, not " + length);
    }
    if (length <= KEPT_BYTES) {
      if (buffer.byteSize() < length) {
        buffer = Arena.ofAuto().allocate(Long.highestOneBit(length) * 2, ALIGNMENT);
      }
      return decodeCopy(buffer.asSlice(0, length), shared);
    }
    try (Arena arena = Arena.ofConfined()) {
      return decodeCopy(arena.allocate(length, ALIGNMENT), shared);
    }
  }

  private DecodedBatch decodeCopy(MemorySegment block, MemorySegment shared) {
    MemorySegment.copy(shared, 0, block, 0, block.byteSize());
    requireHead(block);
    List<String> optionTexts = optionTexts(block);
    List<DecodedItem> items = items(block, optionTexts.size());
    requireNames(block, items.size());
    String operation =
        text(
            block,
            BatchBlock.operationOffset(block, 0),
            BatchBlock.operationLength(block, 0),
            "the operation's name");
    return new DecodedBatch(
        operation,
        (BatchBlock.flags(block, 0) & BatchBlock.CONTINUE_ON_ERROR) != 0,
        (int) Math.min(BatchBlock.threads(block, 0), Integer.MAX_VALUE),
        optionTexts,
        items);
  }

  private void requireHead(MemorySegment block) {
    require(
        BatchBlock.magic(block, 0) == BatchBlock.MAGIC,
        ErrorCode.BAD_MAGIC,
        "a block begins with \"TBBK\"");
    require(
        BatchBlock.major(block, 0) == WireVersion.MAJOR,
        ErrorCode.UNSUPPORTED_VERSION,
        "blocks of another major version than 1 are not read here");
    require(
        BatchBlock.blockLength(block, 0) == block.byteSize(),
        ErrorCode.BAD_LENGTH,
        "block_length is not the length of the block's span");
    require(
        BatchBlock.itemCount(block, 0) <= maxItems,
        ErrorCode.QUOTA_ITEMS,
        "a batch has at most " + maxItems + " items; make several");
    require(
        (BatchBlock.flags(block, 0) & ~BatchBlock.CONTINUE_ON_ERROR) == 0
            && BatchBlock.reserved(block, 0) == 0,
        ErrorCode.BAD_FLAGS,
        "an unknown flag or a reserved field of the block is set");
  }

  private static List<String> optionTexts(MemorySegment block) {
    long count = BatchBlock.optionSetCount(block, 0);
    require(
        count > 0 || BatchBlock.itemCount(block, 0) == 0,
        ErrorCode.BAD_COUNT,
        "a block with items has at least one option set");
    long table = BatchBlock.optionSetsOffset(block, 0);
    requirePart(block, table, count * BatchBlock.OPTION_SET_BYTES, "the table of option sets");
    requireAligned(table, "the table of option sets");
    List<String> texts = new ArrayList<>((int) count);
    long total = 0;
    for (long i = 0; i < count; i++) {
      long length = BatchBlock.optionTextLength(block, 0, i);
      total += length;
      requirePart(block, BatchBlock.optionTextOffset(block, 0, i), length, "an option set");
      require(
          total <= block.byteSize(),
          ErrorCode.BAD_LENGTH,
          "the option sets together are longer than the block");
      texts.add(Utf8.decode(block, BatchBlock.optionTextOffset(block, 0, i), length));
    }
    return texts;
  }

  private static List<DecodedItem> items(MemorySegment block, int optionSets) {
    long at = BatchBlock.itemsOffset(block, 0);
    long length = BatchBlock.itemsLength(block, 0);
    requirePart(block, at, length, "the items");
    requireAligned(at, "the first item");
    int count = (int) BatchBlock.itemCount(block, 0);
    List<DecodedItem> items = new ArrayList<>(Math.min(count, (int) (length / ItemRecord.BYTES)));
    TensorReader tensors = new TensorReader(block);
    long end = at + length;
    for (int i = 0; i < count; i++) {
      requireRoom(ItemRecord.BYTES, end - at);
      long recordLength = ItemRecord.recordLength(block, at);
      requireRoom(recordLength, end - at);
      items.add(item(block, at, recordLength, optionSets, tensors));
      at += recordLength;
    }
    require(at == end, ErrorCode.BAD_LENGTH, "items_length does not end where the items end");
    return items;
  }

  private static DecodedItem item(
      MemorySegment block, long at, long recordLength, int optionSets, TensorReader tensors) {
    long optionSet = ItemRecord.optionSet(block, at);
    require(
        optionSet < optionSets,
        ErrorCode.BAD_COUNT,
        "an item names an option set that the block does not have");
    tensors.begin(at + ItemRecord.BYTES, at + recordLength);
    List<DecodedTensor> inputs = tensors.read(ItemRecord.inputCount(block, at), false);
    List<DecodedTensor> outputs = tensors.read(ItemRecord.outputCount(block, at), true);
    tensors.requireEnd();
    int itemIndex = (int) Math.min(ItemRecord.itemIndex(block, at), Integer.MAX_VALUE);
    return new DecodedItem((int) optionSet, itemIndex, inputs, outputs);
  }

  private static void requireNames(MemorySegment block, int itemCount) {
    long offset = BatchBlock.namesOffset(block, 0);
    long length = BatchBlock.namesLength(block, 0);
    if (length == 0) {
      return;
    }
    String names = text(block, offset, length, "the names");
    long separators = names.chars().filter(each -> each == 0).count();
    require(
        separators + 1 == itemCount,
        ErrorCode.BAD_COUNT,
        "the block has " + itemCount + " items but " + (separators + 1) + " names");
  }

  private static String text(MemorySegment block, long offset, long length, String what) {
    requirePart(block, offset, length, what);
    return Utf8.decode(block, offset, length);
  }

  private static void requirePart(MemorySegment block, long offset, long length, String what) {
    if (offset > block.byteSize() || length > block.byteSize() - offset) {
      throw new ProtocolException(
          ErrorCode.OFFSET_OVERFLOW,
          what + ", " + length + " bytes at byte " + offset + ", leaves the block of "
              + block.byteSize() + " bytes");
    }
  }

  private static void requireAligned(long offset, String what) {
    if (offset % ALIGNMENT != 0) {
      throw new ProtocolException(
          ErrorCode.MISALIGNED, what + " lies at byte " + offset + ", no multiple of 8");
    }
  }

  private static void requireRoom(long recordLength, long room) {
    require(
        recordLength >= ItemRecord.BYTES && recordLength <= room,
        ErrorCode.BAD_LENGTH,
        "a record is shorter than its head or leaves the items");
  }

  private static void require(boolean holds, ErrorCode code, String rule) {
    if (!holds) {
      throw new ProtocolException(code, rule);
    }
  }
}
