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
import org.jspecify.annotations.Nullable;

/**
 * Reads batch blocks: copies the bytes once into private memory, proves the form of every part, and
 * goes from item to item. Not thread-safe.
 *
 * <p>Everything that a hostile client can write ends in a {@link ProtocolException} with the code
 * that {@code spec/batch-block.md} names. What depends on other memory (regions, plans, waiting
 * items) is left to {@link BatchBinder}.
 */
final class BlockDecoder {
  private static final long KEPT_BYTES = 1 << 20;
  private static final int KEPT_OPERATIONS = 8;
  private static final int KEPT_TEXT_BYTES = 1 << 14;

  private final int maxItems;
  private final long maxBlockBytes;
  private final @Nullable AskedOperation[] kept = new AskedOperation[KEPT_OPERATIONS];
  private final BlockMemory memory;
  private @Nullable Arena largeBlock;

  /** The present block: a copy, which has only its first {@link #length} bytes in use. */
  private MemorySegment block = MemorySegment.NULL;

  private long length;
  private @Nullable AskedOperation asked;
  private @Nullable TensorReader tensors;
  private int itemsLeft;
  private long itemAt;
  private long itemEnd;
  private long itemsEnd;

  /**
   * A decoder, which may share its memory with others of its thread: one of them has a block at a time.
   *
   * @param maxItems the most items of a block
   * @param maxBlockBytes the most bytes of a block
   * @param memory where blocks up to {@link #KEPT_BYTES} are copied to
   */
  BlockDecoder(int maxItems, long maxBlockBytes, BlockMemory memory) {
    this.maxItems = maxItems;
    this.maxBlockBytes = maxBlockBytes;
    this.memory = memory;
  }

  /**
   * Copies a block, and reads it up to the first item.
   *
   * @param shared where the client wrote it
   * @param offset its first byte
   * @param byteLength its bytes, which lie within the memory
   * @throws ProtocolException if it breaks the format
   */
  void open(MemorySegment shared, long offset, long byteLength) {
    if (byteLength < BatchBlock.BYTES || byteLength > maxBlockBytes) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH,
          "a block has " + BatchBlock.BYTES + " to " + maxBlockBytes + " bytes, not "
              + byteLength);
    }
    close();
    makeRoom(byteLength);
    MemorySegment.copy(shared, offset, block, 0, byteLength);
    length = byteLength;
    requireHead();
    asked = askedOperation();
    requireItems();
  }

  private void makeRoom(long byteLength) {
    if (byteLength > KEPT_BYTES) {
      largeBlock = Arena.ofConfined();
      block = largeBlock.allocate(byteLength, BlockMemory.ALIGNMENT);
    } else {
      block = memory.ofAtLeast(byteLength);
    }
  }

  /** Gives back the memory of a large block; closing twice does nothing. */
  void close() {
    if (largeBlock != null) {
      largeBlock.close();
      largeBlock = null;
    }
    block = MemorySegment.NULL;
    tensors = null;
    asked = null;
  }

  /**
   * Copies and reads a whole block.
   *
   * @param shared where the client wrote it
   * @param offset its first byte
   * @param byteLength its bytes, which lie within the memory
   * @return what it says
   * @throws ProtocolException if it breaks the format
   */
  DecodedBatch decode(MemorySegment shared, long offset, long byteLength) {
    open(shared, offset, byteLength);
    List<DecodedItem> items = new ArrayList<>();
    while (next()) {
      items.add(item());
    }
    return new DecodedBatch(asked(), continueOnError(), threads(), items);
  }

  // ---- the present block ----

  AskedOperation asked() {
    if (asked == null) {
      throw new IllegalStateException("no block is open");
    }
    return asked;
  }

  /** Whether {@link #asked()} is the same object in all blocks that ask for the same. */
  boolean isAskedKept() {
    return kept[0] == asked;
  }

  /** Whether a failed item leaves the others running. */
  boolean continueOnError() {
    return (BatchBlock.flags(block, 0) & BatchBlock.CONTINUE_ON_ERROR) != 0;
  }

  /** Workers at once, 0 for all. */
  int threads() {
    return (int) Math.min(BatchBlock.threads(block, 0), Integer.MAX_VALUE);
  }

  /**
   * Goes to the next item.
   *
   * @return false if there is none: now every part of the block is proven
   * @throws ProtocolException if its record leaves the items, or they don't end where they should
   */
  boolean next() {
    itemAt = itemEnd;
    if (itemsLeft == 0) {
      require(
          itemAt == itemsEnd,
          ErrorCode.BAD_LENGTH,
          "items_length does not end where the items end");
      requireNames();
      return false;
    }
    itemsLeft--;
    requireRoom(ItemRecord.BYTES, itemsEnd - itemAt);
    long recordLength = ItemRecord.recordLength(block, itemAt);
    requireRoom(recordLength, itemsEnd - itemAt);
    itemEnd = itemAt + recordLength;
    return true;
  }

  /** The copy in which the present item's record lies at {@link #itemAt()}. */
  MemorySegment block() {
    return block;
  }

  long itemAt() {
    return itemAt;
  }

  long itemLength() {
    return itemEnd - itemAt;
  }

  /**
   * Reads the present item.
   *
   * @return what its record says
   * @throws ProtocolException if it breaks the format
   */
  DecodedItem item() {
    long optionSet = ItemRecord.optionSet(block, itemAt);
    require(
        optionSet < asked().optionTexts().size(),
        ErrorCode.BAD_COUNT,
        "an item names an option set that the block does not have");
    if (tensors == null) {
      tensors = new TensorReader(block);
    }
    tensors.begin(itemAt + ItemRecord.BYTES, itemEnd);
    List<DecodedTensor> inputs = tensors.read(ItemRecord.inputCount(block, itemAt), false);
    List<DecodedTensor> outputs = tensors.read(ItemRecord.outputCount(block, itemAt), true);
    tensors.requireEnd();
    int itemIndex = (int) Math.min(ItemRecord.itemIndex(block, itemAt), Integer.MAX_VALUE);
    return new DecodedItem((int) optionSet, itemIndex, inputs, outputs);
  }

  // ---- the parts of a block ----

  private void requireHead() {
    require(
        BatchBlock.magic(block, 0) == BatchBlock.MAGIC,
        ErrorCode.BAD_MAGIC,
        "a block begins with \"TBBK\"");
    require(
        BatchBlock.major(block, 0) == WireVersion.MAJOR,
        ErrorCode.UNSUPPORTED_VERSION,
        "blocks of another major version than 1 are not read here");
    require(
        BatchBlock.blockLength(block, 0) == length,
        ErrorCode.BAD_LENGTH,
        "block_length is not the length of the block's span");
    if (BatchBlock.itemCount(block, 0) > maxItems) {
      throw new ProtocolException(
          ErrorCode.QUOTA_ITEMS, "a batch has at most " + maxItems + " items; make several");
    }
    require(
        (BatchBlock.flags(block, 0) & ~BatchBlock.CONTINUE_ON_ERROR) == 0
            && BatchBlock.reserved(block, 0) == 0,
        ErrorCode.BAD_FLAGS,
        "an unknown flag or a reserved field of the block is set");
  }

  private AskedOperation askedOperation() {
    long count = BatchBlock.optionSetCount(block, 0);
    require(
        count > 0 || BatchBlock.itemCount(block, 0) == 0,
        ErrorCode.BAD_COUNT,
        "a block with items has at least one option set");
    long table = BatchBlock.optionSetsOffset(block, 0);
    requirePart(table, count * BatchBlock.OPTION_SET_BYTES, "the table of option sets");
    requireAligned(table, "the table of option sets");
    long nameLength = BatchBlock.operationLength(block, 0);
    requirePart(BatchBlock.operationOffset(block, 0), nameLength, "the operation's name");
    long total = 0;
    for (long i = 0; i < count; i++) {
      long textLength = BatchBlock.optionTextLength(block, 0, i);
      total += textLength;
      requirePart(BatchBlock.optionTextOffset(block, 0, i), textLength, "an option set");
      require(
          total <= length,
          ErrorCode.BAD_LENGTH,
          "the option sets together are longer than the block");
    }
    long keptBytes = total + nameLength + count * BatchBlock.OPTION_SET_BYTES;
    return keptBytes <= KEPT_TEXT_BYTES ? keptOperation() : AskedOperation.read(block);
  }

  /** What the block asks for, the same object as for the block before if that asked for the same. */
  private AskedOperation keptOperation() {
    AskedOperation found = null;
    int at = 0;
    while (found == null && at < KEPT_OPERATIONS && kept[at] != null) {
      AskedOperation candidate = kept[at];
      if (candidate != null && candidate.isAskedBy(block)) {
        found = candidate;
      } else {
        at++;
      }
    }
    if (found == null) {
      found = AskedOperation.read(block);
      at = Math.min(at, KEPT_OPERATIONS - 1);
    }
    if (at > 0) {
      System.arraycopy(kept, 0, kept, 1, at);
    }
    kept[0] = found;
    return found;
  }

  private void requireItems() {
    itemEnd = BatchBlock.itemsOffset(block, 0);
    long itemsLength = BatchBlock.itemsLength(block, 0);
    requirePart(itemEnd, itemsLength, "the items");
    requireAligned(itemEnd, "the first item");
    itemsEnd = itemEnd + itemsLength;
    itemsLeft = (int) BatchBlock.itemCount(block, 0);
  }

  /** The names serve the client's own diagnosis: they must be well formed, but nobody reads them. */
  private void requireNames() {
    long offset = BatchBlock.namesOffset(block, 0);
    long namesLength = BatchBlock.namesLength(block, 0);
    if (namesLength == 0) {
      return;
    }
    requirePart(offset, namesLength, "the names");
    long names = Utf8.countZeros(block, offset, namesLength) + 1;
    long count = BatchBlock.itemCount(block, 0);
    if (names != count) {
      throw new ProtocolException(
          ErrorCode.BAD_COUNT, "the block has " + count + " items but " + names + " names");
    }
  }

  private void requirePart(long offset, long partLength, String what) {
    if (offset > length || partLength > length - offset) {
      throw new ProtocolException(
          ErrorCode.OFFSET_OVERFLOW,
          what + ", " + partLength + " bytes at byte " + offset + ", leaves the block of "
              + length + " bytes");
    }
  }

  private static void requireAligned(long offset, String what) {
    if (offset % BlockMemory.ALIGNMENT != 0) {
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
