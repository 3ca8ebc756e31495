package io.tensorbridge.batch;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Region;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OutputSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Binds one decoded batch to regions and plans; used once, by the dispatcher.
 *
 * <p>What breaks the format throws and so refuses the batch; what the operation does not take
 * becomes a {@link BoundItem.Refused}, which fails alone.
 */
final class BatchBinder {
  private final DecodedBatch batch;
  private final RegionTable regions;
  private final PlanCache plans;
  private final LeaseSet leases;
  private final List<Extent> extents = new ArrayList<>();

  /** Whether an input of any item so far lies in a file. */
  private boolean readsFiles;
  private int lastOptionSet = -1;
  private List<TensorType> lastTypes = List.of();
  private @Nullable OpPlan lastPlan;

  BatchBinder(DecodedBatch batch, RegionTable regions, PlanCache plans, LeaseSet leases) {
    this.batch = batch;
    this.regions = regions;
    this.plans = plans;
    this.leases = leases;
  }

  /**
   * Binds a batch that shall run.
   *
   * @return the batch, which shares the leases
   * @throws BridgeException if it is refused
   */
  BoundBatch bind() {
    plans.requireOperation(batch.operation());
    List<BoundItem> items = new ArrayList<>(batch.items().size());
    for (DecodedItem item : batch.items()) {
      requireIndexZero(item);
      items.add(bind(item, true));
    }
    collectExtents(items);
    return new BoundBatch(batch, items, extents, leases, readsFiles);
  }

  /**
   * Plans a batch that brings no outputs.
   *
   * @return for each item a plan, or what refuses it
   * @throws BridgeException if the batch is refused
   */
  List<BoundItem> plan() {
    plans.requireOperation(batch.operation());
    List<BoundItem> items = new ArrayList<>(batch.items().size());
    for (DecodedItem item : batch.items()) {
      requireIndexZero(item);
      if (!item.outputs().isEmpty()) {
        throw new ProtocolException(ErrorCode.OUTPUT_MISMATCH, "PLAN has no outputs");
      }
      items.add(bind(item, false));
    }
    return items;
  }

  /**
   * Binds a batch that gives outputs to waiting items.
   *
   * @param waiting the items that wait
   * @return the batch, which shares the leases
   * @throws ProtocolException if it is refused; the items then go on waiting
   */
  BoundBatch resume(WaitingItems waiting) {
    if (!batch.operation().equals(waiting.operation())) {
      throw new ProtocolException(
          ErrorCode.OUTPUT_MISMATCH,
          "the items wait in " + waiting.operation() + ", not in " + batch.operation());
    }
    List<BoundItem> items = new ArrayList<>(batch.items().size());
    boolean[] seen = new boolean[waiting.itemCount()];
    for (DecodedItem item : batch.items()) {
      WaitingItems.Item waits = waiting.require(item.itemIndex());
      if (seen[item.itemIndex()] || !item.inputs().isEmpty()) {
        throw new ProtocolException(
            ErrorCode.BAD_COUNT, "RESUME names each waiting item once, without inputs");
      }
      seen[item.itemIndex()] = true;
      addExtents(waits.source().inputs(), false);
      List<OutputPlace> outputs = outputs(item.outputs(), waits.needs().outputs());
      addExtents(item.outputs(), true);
      items.add(
          new BoundItem.Continued(waits.source(), waits.workBytes(), waits.needs(), outputs));
    }
    Extent.requireApart(extents);
    return new BoundBatch(batch, items, extents, leases, waiting.readsFiles());
  }

  private static void requireIndexZero(DecodedItem item) {
    if (item.itemIndex() != 0) {
      throw new ProtocolException(ErrorCode.BAD_FLAGS, "item_index is 0 except in RESUME");
    }
  }

  private BoundItem bind(DecodedItem item, boolean withOutputs) {
    List<Tensor> inputs = inputs(item.inputs());
    OpPlan plan;
    try {
      if (readsFiles && !plans.takesFiles(batch.operation())) {
        requireNoFiles(inputs);
      }
      plan = plan(item, types(inputs));
    } catch (RuntimeException | LinkageError failure) {
      return new BoundItem.Refused(item, BridgeException.ofThrown(failure));
    }
    List<OutputPlace> outputs =
        withOutputs ? outputs(item.outputs(), plan.outputs()) : List.of();
    return new BoundItem.Planned(item, plan, inputs, outputs);
  }

  private OpPlan plan(DecodedItem item, List<TensorType> types) {
    if (lastPlan == null || item.optionSet() != lastOptionSet || !types.equals(lastTypes)) {
      lastPlan = plans.plan(batch.operation(), batch.optionTexts().get(item.optionSet()), types);
      lastOptionSet = item.optionSet();
      lastTypes = types;
    }
    return lastPlan;
  }

  private static List<TensorType> types(List<Tensor> tensors) {
    if (tensors.size() == 1) {
      return List.of(tensors.getFirst().type());
    }
    TensorType[] types = new TensorType[tensors.size()];
    Arrays.setAll(types, i -> tensors.get(i).type());
    return List.of(types);
  }

  private List<Tensor> inputs(List<DecodedTensor> decoded) {
    if (decoded.size() == 1) {
      return List.of(input(decoded.getFirst()));
    }
    Tensor[] inputs = new Tensor[decoded.size()];
    Arrays.setAll(inputs, i -> input(decoded.get(i)));
    return List.of(inputs);
  }

  private Tensor input(DecodedTensor decoded) {
    RegisteredRegion region = regions.require(decoded.region(), decoded.generation());
    region.leaseFor(leases);
    Backing backing = region.region().backing();
    readsFiles |= backing == Backing.FILE;
    return Tensor.of(region.region().segment(), decoded.layout(), backing);
  }

  private void requireNoFiles(List<Tensor> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      if (inputs.get(i).backing() == Backing.FILE) {
        throw new ProtocolException(
            ErrorCode.UNSEALED_REGION,
            "input " + i + " lies in a file, which " + batch.operation()
                + " can't read: its size is"
                + " not sealed; copy the tensor into a sealed region, and name that");
      }
    }
  }

  private List<OutputPlace> outputs(List<DecodedTensor> decoded, List<OutputSpec> planned) {
    if (decoded.size() != planned.size()) {
      throw new ProtocolException(
          ErrorCode.OUTPUT_MISMATCH,
          "an item has " + decoded.size() + " outputs, but " + planned.size() + " are planned");
    }
    if (decoded.isEmpty()) {
      return List.of();
    }
    List<OutputPlace> places = new ArrayList<>(decoded.size());
    for (int i = 0; i < decoded.size(); i++) {
      places.add(output(decoded.get(i), planned.get(i)));
    }
    return places;
  }

  private OutputPlace output(DecodedTensor decoded, OutputSpec planned) {
    if (!decoded.layout().isRowMajor() || !decoded.layout().type().equals(planned.type())) {
      throw new ProtocolException(
          ErrorCode.OUTPUT_MISMATCH,
          "output \"" + planned.name() + "\" must be row-major " + planned.type() + ", not "
              + decoded.layout());
    }
    if (decoded.isRelative()) {
      decoded.layout().requireWithin(Long.MAX_VALUE);
      BoundBatch.requireAligned(decoded.layout());
      return new OutputPlace.Relative(decoded.layout());
    }
    RegisteredRegion registered = regions.require(decoded.region(), decoded.generation());
    Region region = registered.region();
    RegionTable.requireWritable(region);
    decoded.layout().requireWithin(region.byteSize());
    BoundBatch.requireAligned(decoded.layout());
    registered.leaseFor(leases);
    return new OutputPlace.Fixed(
        Tensor.of(region.segment(), decoded.layout(), Backing.SEALED));
  }

  /** Compares all places, if there are outputs at all. */
  private void collectExtents(List<BoundItem> items) {
    boolean anyOutput = false;
    for (BoundItem item : items) {
      if (item instanceof BoundItem.Planned && !item.source().outputs().isEmpty()) {
        addExtents(item.source().outputs(), true);
        anyOutput = true;
      }
    }
    if (anyOutput) {
      items.forEach(item -> addExtents(item.source().inputs(), false));
      Extent.requireApart(extents);
    }
  }

  private void addExtents(List<DecodedTensor> tensors, boolean outputs) {
    for (DecodedTensor tensor : tensors) {
      extents.add(Extent.of(tensor.region(), tensor.layout(), outputs));
    }
  }
}
