package io.tensorbridge.batch;

import io.tensorbridge.TensorLayout;
import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.ItemRecord;
import io.tensorbridge.batch.wire.TensorDescriptor;
import io.tensorbridge.batch.wire.Utf8;
import io.tensorbridge.op.Options;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a batch block: header, operation, table of option sets, option sets, items, names, each
 * part padded to 8 bytes.
 */
final class BlockEncoder {
  /** A tensor as a block names it; the layout's offset counts from the region's start. */
  record Operand(int region, int generation, TensorLayout layout) {
    static Operand relative(TensorLayout layout) {
      return new Operand(TensorDescriptor.RELATIVE, 0, layout);
    }
  }

  /** One item as a block names it. */
  record Item(Options options, int itemIndex, List<Operand> inputs, List<Operand> outputs) {
    long byteLength() {
      long length = ItemRecord.BYTES;
      for (Operand input : inputs) {
        length += TensorDescriptor.byteLength(input.layout());
      }
      for (Operand output : outputs) {
        length += TensorDescriptor.byteLength(output.layout());
      }
      return length;
    }
  }

  private final int flags;
  private final int threads;
  private final List<Item> items;
  private final byte[] operation;
  private final byte[] names;
  private final Map<Options, Integer> optionSets = new LinkedHashMap<>();
  private final byte[][] optionTexts;
  private final long itemsLength;
  private final long optionTextsLength;

  /**
   * Measures a block.
   *
   * @param names of the items, or empty
   */
  BlockEncoder(
      String operation, boolean continueOnError, int threads, List<Item> items,
      List<String> names) {
    this.flags = continueOnError ? BatchBlock.CONTINUE_ON_ERROR : 0;
    this.threads = threads;
    this.items = items;
    this.operation = operation.getBytes(StandardCharsets.UTF_8);
    this.names = String.join("\0", names).getBytes(StandardCharsets.UTF_8);
    long length = 0;
    for (Item item : items) {
      length += item.byteLength();
      optionSets.putIfAbsent(item.options(), optionSets.size());
    }
    this.itemsLength = length;
    this.optionTexts = new byte[optionSets.size()][];
    long texts = 0;
    for (Map.Entry<Options, Integer> set : optionSets.entrySet()) {
      byte[] text = set.getKey().toText().getBytes(StandardCharsets.UTF_8);
      optionTexts[set.getValue()] = text;
      texts += text.length;
    }
    this.optionTextsLength = texts;
  }

  private long tableOffset() {
    return BatchBlock.BYTES + padTo8(operation.length);
  }

  private long optionTextsOffset() {
    return tableOffset() + (long) BatchBlock.OPTION_SET_BYTES * optionTexts.length;
  }

  private long itemsOffset() {
    return optionTextsOffset() + padTo8(optionTextsLength);
  }

  private long namesOffset() {
    return itemsOffset() + itemsLength;
  }

  /** The size of the block. */
  long byteLength() {
    return namesOffset() + padTo8(names.length);
  }

  /**
   * Writes the block.
   *
   * @param segment where to write
   * @param at where the block begins, a multiple of 8
   */
  void write(MemorySegment segment, long at) {
    segment.asSlice(at, byteLength()).fill((byte) 0);
    BatchBlock.write(segment, at, head());
    Utf8.write(segment, at + BatchBlock.BYTES, operation);
    writeOptionSets(segment, at);
    long next = at + itemsOffset();
    for (Item item : items) {
      next = writeItem(segment, next, item);
    }
    Utf8.write(segment, next, names);
  }

  private BatchBlock.Head head() {
    return new BatchBlock.Head(
        byteLength(),
        items.size(),
        flags,
        threads,
        optionTexts.length,
        BatchBlock.BYTES,
        operation.length,
        optionTexts.length == 0 ? 0 : tableOffset(),
        items.isEmpty() ? 0 : itemsOffset(),
        itemsLength,
        names.length == 0 ? 0 : namesOffset(),
        names.length);
  }

  private void writeOptionSets(MemorySegment segment, long at) {
    long offset = optionTextsOffset();
    for (int i = 0; i < optionTexts.length; i++) {
      BatchBlock.writeOptionSet(segment, at, i, offset, optionTexts[i].length);
      Utf8.write(segment, at + offset, optionTexts[i]);
      offset += optionTexts[i].length;
    }
  }

  private long writeItem(MemorySegment segment, long at, Item item) {
    ItemRecord.write(
        segment,
        at,
        item.byteLength(),
        item.inputs().size(),
        item.outputs().size(),
        optionSets.getOrDefault(item.options(), 0),
        item.itemIndex());
    long next = writeOperands(segment, at + ItemRecord.BYTES, item.inputs());
    return writeOperands(segment, next, item.outputs());
  }

  private static long writeOperands(MemorySegment segment, long at, List<Operand> operands) {
    long next = at;
    for (Operand operand : operands) {
      next +=
          TensorDescriptor.write(
              segment, next, operand.region(), operand.generation(), operand.layout());
    }
    return next;
  }

  private static long padTo8(long length) {
    return (length + 7) & -8;
  }
}
