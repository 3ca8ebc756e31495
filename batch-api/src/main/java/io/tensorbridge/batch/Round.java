package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.op.Options;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one submission of a batch: status area, room for outputs, and the block.
 *
 * <p>The first round is about all items of the batch, later ones about those that waited for space.
 */
final class Round {
  private final RegionPool pool;
  private final List<ResolvedBatch.ItemOutputs> itemOutputs;
  private final int @Nullable [] items;
  private final Piece status;
  private final StatusReader reader;
  private final long statusBytes;
  private final @Nullable Piece outputs;
  private final long outputBytes;
  private @Nullable Piece block;
  private final long blockBytes;

  private Round(
      RegionPool pool,
      int @Nullable [] items,
      List<ResolvedBatch.ItemOutputs> itemOutputs,
      long outputBytes,
      @Nullable BlockEncoder encoder) {
    this.pool = pool;
    this.items = items;
    this.itemOutputs = itemOutputs;
    this.statusBytes = StatusReader.byteLength(itemOutputs.size(), recordBytes(items, itemOutputs));
    this.outputBytes = outputBytes;
    this.blockBytes = encoder == null ? 0 : encoder.byteLength();
    List<Piece> taken = new ArrayList<>(3);
    try {
      this.status = take(statusBytes, taken);
      this.outputs = outputBytes == 0 ? null : take(outputBytes, taken);
      if (encoder != null) {
        Piece piece = take(blockBytes, taken);
        encoder.write(piece.segment(), 0);
        this.block = piece;
      }
      this.reader = new StatusReader(status.segment());
      reader.clear();
    } catch (RuntimeException | Error failure) {
      taken.forEach(pool::drop);
      throw failure;
    }
  }

  /** An item that was not planned to have outputs may ask for them, and any may ask again. */
  private static long recordBytes(
      int @Nullable [] items, List<ResolvedBatch.ItemOutputs> itemOutputs) {
    long mayAsk =
        items != null
            ? itemOutputs.size()
            : itemOutputs.stream().filter(each -> each.names().isEmpty()).count();
    return StatusReader.RECORD_BYTES * mayAsk;
  }

  private Piece take(long byteLength, List<Piece> taken) {
    Piece piece = pool.take(byteLength, Access.READWRITE);
    taken.add(piece);
    return piece;
  }

  /**
   * Takes memory for all items.
   *
   * @param withBlock false for a prepared batch, whose block the server knows
   */
  static Round first(RegionPool pool, ResolvedBatch batch, boolean withBlock) {
    return new Round(
        pool, null, batch.outputs(), batch.outputBytes(), withBlock ? batch.block() : null);
  }

  /** Takes memory for those items of this round that wait for space. */
  Round next(ResolvedBatch batch) {
    List<BlockEncoder.Item> blockItems = new ArrayList<>();
    List<ResolvedBatch.ItemOutputs> placed = new ArrayList<>();
    ResolvedBatch.Placement placement = new ResolvedBatch.Placement();
    int[] waiting = new int[itemOutputs.size()];
    for (int i = 0; i < itemOutputs.size(); i++) {
      if (reader.code(i) == ErrorCode.NEEDS_SPACE) {
        waiting[placed.size()] = item(i);
        ResolvedBatch.ItemOutputs room = placement.place(reader.plan(i));
        blockItems.add(
            new BlockEncoder.Item(Options.NONE, item(i), List.of(), room.operands()));
        placed.add(room);
      }
    }
    BlockEncoder encoder =
        new BlockEncoder(
            batch.operation(), batch.continueOnError(), batch.threads(), blockItems, List.of());
    return new Round(pool, waiting, placed, placement.byteLength(), encoder);
  }

  int itemCount() {
    return itemOutputs.size();
  }

  /** Which item of the batch an item of this round is. */
  int item(int index) {
    return items == null ? index : items[index];
  }

  StatusReader reader() {
    return reader;
  }

  ResolvedBatch.ItemOutputs outputsOf(int index) {
    return itemOutputs.get(index);
  }

  /** A view of an output. */
  Tensor output(int index, int output) {
    if (outputs == null) {
      throw new IndexOutOfBoundsException(output);
    }
    TensorLayout layout = itemOutputs.get(index).layouts().get(output);
    return Tensor.of(outputs.segment(), layout, Backing.SEALED);
  }

  WireSpan statusSpan() {
    return status.span(0, statusBytes);
  }

  WireSpan outputSpan() {
    return outputs == null ? WireSpan.NONE : outputs.span(0, outputBytes);
  }

  WireSpan blockSpan() {
    return block == null ? WireSpan.NONE : block.span(0, blockBytes);
  }

  /** Gives back the block, which the server has read. */
  void dropBlock() {
    Piece read = block;
    block = null;
    if (read != null) {
      pool.drop(read);
    }
  }

  /** Gives back everything; nobody may look at it any more. */
  void drop() {
    dropBlock();
    pool.drop(status);
    if (outputs != null) {
      pool.drop(outputs);
    }
  }
}
