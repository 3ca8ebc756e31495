package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.QuotaException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;

/**
 * Places the tensors of batches: inputs that lie in the client's memory are only described, others
 * are copied into it once; outputs get the sizes that the plans tell.
 */
final class BatchResolver {
  private final ClientCore core;
  private final ClientPlans plans;

  BatchResolver(ClientCore core, ClientPlans plans) {
    this.core = core;
    this.plans = plans;
  }

  /**
   * Places all tensors of a batch.
   *
   * @return the batch with its inputs held, once each; the caller drops them
   */
  ResolvedBatch resolve(Batch batch) {
    requireSize(batch);
    List<ClientPlans.Key> keys = keysOf(batch);
    plans.ask(new LinkedHashSet<>(keys));
    List<Piece> held = new ArrayList<>();
    try {
      return place(batch, keys, held);
    } catch (RuntimeException | Error failure) {
      held.forEach(core.pool()::drop);
      throw failure;
    }
  }

  private void requireSize(Batch batch) {
    int limit = core.link().limits().maxItems();
    if (batch.items().size() > limit) {
      throw new QuotaException(
          ErrorCode.QUOTA_ITEMS,
          "a batch of " + batch.items().size() + " tensors is above the server's limit of " + limit
              + "; make several");
    }
  }

  private static List<ClientPlans.Key> keysOf(Batch batch) {
    List<ClientPlans.Key> keys = new ArrayList<>(batch.items().size());
    for (Batch.Item item : batch.items()) {
      List<TensorType> types = item.inputs().stream().map(Tensor::type).toList();
      keys.add(new ClientPlans.Key(batch.operation(), batch.optionsOf(item), types));
    }
    return keys;
  }

  private ResolvedBatch place(Batch batch, List<ClientPlans.Key> keys, List<Piece> held) {
    List<String> names = new ArrayList<>(keys.size());
    List<BlockEncoder.Item> items = new ArrayList<>(keys.size());
    List<ResolvedBatch.ItemOutputs> outputs = new ArrayList<>(keys.size());
    ResolvedBatch.Placement placement = new ResolvedBatch.Placement();
    for (int i = 0; i < keys.size(); i++) {
      Batch.Item item = batch.items().get(i);
      names.add(item.name());
      // An item without a plan goes without outputs: the server says what is wrong with it.
      ResolvedBatch.ItemOutputs itemOutputs = placement.place(plans.known(keys.get(i)));
      outputs.add(itemOutputs);
      items.add(
          new BlockEncoder.Item(
              keys.get(i).options(), 0, operandsOf(item, held), itemOutputs.operands()));
    }
    BlockEncoder block =
        new BlockEncoder(
            batch.operation(), batch.continuesOnError(), batch.threads(), items, names);
    requireBlockSize(block);
    return new ResolvedBatch(
        batch.operation(),
        batch.continuesOnError(),
        batch.threads(),
        batch.timeoutNanos(),
        ResolvedBatch.index(names),
        outputs,
        placement.byteLength(),
        block,
        held);
  }

  private void requireBlockSize(BlockEncoder block) {
    long limit = core.link().limits().maxBlockBytes();
    if (block.byteLength() > limit) {
      throw new QuotaException(
          ErrorCode.QUOTA_ITEMS,
          "the description of the batch takes " + block.byteLength() + " bytes, above the server's"
              + " limit of " + limit + "; make several batches");
    }
  }

  private List<BlockEncoder.Operand> operandsOf(Batch.Item item, List<Piece> held) {
    List<BlockEncoder.Operand> operands = new ArrayList<>(item.inputs().size());
    for (Tensor input : item.inputs()) {
      operands.add(operandOf(input, held));
    }
    return operands;
  }

  private BlockEncoder.Operand operandOf(Tensor input, List<Piece> held) {
    Piece own = core.pool().hold(input.segment());
    if (own != null) {
      held.add(own);
      long segmentOffset = input.segment().address() - own.region().segment().address();
      return operand(own, input.layout().at(segmentOffset + input.layout().byteOffset()));
    }
    Piece copy = core.pool().take(input.byteLength(), Access.READ);
    held.add(copy);
    TensorCopy.toRowMajor(input, copy.segment());
    return operand(copy, TensorLayout.rowMajor(input.type()).at(copy.byteOffset()));
  }

  private static BlockEncoder.Operand operand(Piece piece, TensorLayout layout) {
    return new BlockEncoder.Operand(piece.region().id(), PoolRegion.GENERATION, layout);
  }

  /** A copy of a tensor in memory of the client, owned by the caller. */
  Piece copyOf(Tensor source, Access access) {
    Piece piece = core.pool().take(source.byteLength(), access);
    try {
      MemorySegment target = piece.segment();
      TensorCopy.toRowMajor(source, target);
      return piece;
    } catch (RuntimeException | Error failure) {
      core.pool().drop(piece);
      throw failure;
    }
  }
}
