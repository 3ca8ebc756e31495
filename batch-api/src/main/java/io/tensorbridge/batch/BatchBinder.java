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
import io.tensorbridge.op.ValueRun;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Binds the blocks of one client to regions and plans; used by the dispatcher only.
 *
 * <p>What breaks the format throws and so refuses the batch; what the operation does not take
 * becomes a {@link BoundItem.Refused}, which fails alone.
 */
final class BatchBinder {
  private final RegionTable regions;
  private final PlanCache plans;
  private final KnownItems known;

  private @Nullable AskedOperation lastAsked;
  private int lastOptionSet;
  private List<TensorType> lastTypes = List.of();
  private @Nullable OpPlan lastPlan;

  BatchBinder(RegionTable regions, PlanCache plans, KnownItems known) {
    this.regions = regions;
    this.plans = plans;
    this.known = known;
  }

  /**
   * Binds a batch that shall run. It has no lease on anything yet.
   *
   * @param block opened
   * @param batch is filled
   * @throws BridgeException if the batch is refused
   */
  void bind(BlockDecoder block, BoundBatch batch) {
    AskedOperation asked = block.asked();
    plans.requireOperation(asked.name());
    batch.begin(asked.name(), block.continueOnError(), block.threads());
    boolean kept = block.isAskedKept();
    while (block.next()) {
      BoundItem item = kept ? known.find(block) : null;
      if (item == null) {
        item = bind(asked, block.item(), true);
        if (kept && item instanceof BoundItem.Planned planned) {
          known.add(block, planned);
        }
      }
      batch.add(item);
    }
    batch.requireApart();
  }

  /**
   * Plans a batch that brings no outputs.
   *
   * @param source its block
   * @return for each item a plan, or what refuses it
   * @throws BridgeException if the batch is refused
   */
  List<BoundItem> plan(DecodedBatch source) {
    plans.requireOperation(source.asked().name());
    List<BoundItem> items = new ArrayList<>(source.items().size());
    for (DecodedItem item : source.items()) {
      if (!item.outputs().isEmpty()) {
        throw new ProtocolException(ErrorCode.OUTPUT_MISMATCH, "PLAN has no outputs");
      }
      items.add(bind(source.asked(), item, false));
    }
    return items;
  }

  /**
   * Binds a batch that gives outputs to waiting items.
   *
   * @param source its block
   * @param waiting the items that wait
   * @param batch is filled
   * @throws ProtocolException if it is refused; the items then go on waiting
   */
  void resume(DecodedBatch source, WaitingItems waiting, BoundBatch batch) {
    String operation = source.asked().name();
    if (!operation.equals(waiting.operation())) {
      throw new ProtocolException(
          ErrorCode.OUTPUT_MISMATCH,
          "the items wait in " + waiting.operation() + ", not in " + operation);
    }
    batch.begin(operation, source.continueOnError(), source.threads());
    boolean[] seen = new boolean[waiting.itemCount()];
    for (DecodedItem item : source.items()) {
      WaitingItems.Item waits = waiting.require(item.itemIndex());
      if (seen[item.itemIndex()] || !item.inputs().isEmpty()) {
        throw new ProtocolException(
            ErrorCode.BAD_COUNT, "RESUME names each waiting item once, without inputs");
      }
      seen[item.itemIndex()] = true;
      batch.add(resume(item, waits));
    }
    batch.requireApart();
  }

  private BoundItem resume(DecodedItem item, WaitingItems.Item waits) {
    List<RegisteredRegion> leased = new ArrayList<>(item.outputs().size());
    List<OutputPlace> outputs = outputs(item.outputs(), waits.needs().outputs(), leased);
    ItemPlaces places =
        new ItemPlaces(
            waits.places().inputs(),
            extents(item.outputs(), true),
            leased,
            waits.places().readsFiles(),
            0,
            OutputPlace.byteLength(outputs));
    return new BoundItem.Continued(
        places, item.itemIndex(), waits.workBytes(), waits.needs(), outputs);
  }

  private BoundItem bind(AskedOperation asked, DecodedItem item, boolean withOutputs) {
    if (item.itemIndex() != 0) {
      throw new ProtocolException(ErrorCode.BAD_FLAGS, "item_index is 0 except in RESUME");
    }
    List<RegisteredRegion> leased = new ArrayList<>(item.inputs().size() + item.outputs().size());
    List<Tensor> inputs = inputs(item.inputs(), leased);
    boolean readsFiles = anyFile(inputs);
    OpPlan plan;
    try {
      if (readsFiles && !plans.takesFiles(asked.name())) {
        requireNoFiles(asked.name(), inputs);
      }
      plan = plan(asked, item.optionSet(), types(inputs));
    } catch (RuntimeException | LinkageError failure) {
      ItemPlaces places =
          new ItemPlaces(
              extents(item.inputs(), false), List.of(), List.copyOf(leased), readsFiles, 0, 0);
      return new BoundItem.Refused(places, BridgeException.ofThrown(failure));
    }
    List<OutputPlace> outputs =
        withOutputs ? outputs(item.outputs(), plan.outputs(), leased) : List.of();
    ItemPlaces places =
        new ItemPlaces(
            extents(item.inputs(), false),
            extents(item.outputs(), true),
            List.copyOf(leased),
            readsFiles,
            byteLength(inputs),
            OutputPlace.byteLength(outputs));
    ValueRun atOnce = outputs.isEmpty() && !readsFiles ? plan.bindValue(inputs).orElse(null) : null;
    return new BoundItem.Planned(
        places, plan, inputs, outputs, Math.max(1, plan.workBytes()), atOnce);
  }

  private OpPlan plan(AskedOperation asked, int optionSet, List<TensorType> types) {
    OpPlan plan = lastPlan;
    if (plan == null
        || asked != lastAsked
        || optionSet != lastOptionSet
        || !types.equals(lastTypes)) {
      plan = plans.plan(asked.name(), asked.optionTexts().get(optionSet), types);
      lastPlan = plan;
      lastAsked = asked;
      lastOptionSet = optionSet;
      lastTypes = types;
    }
    return plan;
  }

  private static List<TensorType> types(List<Tensor> tensors) {
    if (tensors.size() == 1) {
      return List.of(tensors.getFirst().type());
    }
    TensorType[] types = new TensorType[tensors.size()];
    Arrays.setAll(types, i -> tensors.get(i).type());
    return List.of(types);
  }

  private List<Tensor> inputs(List<DecodedTensor> decoded, List<RegisteredRegion> leased) {
    if (decoded.size() == 1) {
      return List.of(input(decoded.getFirst(), leased));
    }
    Tensor[] inputs = new Tensor[decoded.size()];
    Arrays.setAll(inputs, i -> input(decoded.get(i), leased));
    return List.of(inputs);
  }

  private Tensor input(DecodedTensor decoded, List<RegisteredRegion> leased) {
    RegisteredRegion region = regions.require(decoded.region(), decoded.generation());
    leased.add(region);
    return Tensor.of(region.memory(), decoded.layout(), region.region().backing());
  }

  private static long byteLength(List<Tensor> tensors) {
    long bytes = 0;
    for (int i = 0; i < tensors.size(); i++) {
      bytes += Math.min(tensors.get(i).byteLength(), Long.MAX_VALUE - bytes);
    }
    return bytes;
  }

  private static boolean anyFile(List<Tensor> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      if (inputs.get(i).backing() == Backing.FILE) {
        return true;
      }
    }
    return false;
  }

  private static void requireNoFiles(String operation, List<Tensor> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      if (inputs.get(i).backing() == Backing.FILE) {
        throw new ProtocolException(
            ErrorCode.UNSEALED_REGION,
            "input " + i + " lies in a file, which " + operation + " can't read: its size is"
                + " not sealed; copy the tensor into a sealed region, and name that");
      }
    }
  }

  private List<OutputPlace> outputs(
      List<DecodedTensor> decoded, List<OutputSpec> planned, List<RegisteredRegion> leased) {
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
      places.add(output(decoded.get(i), planned.get(i), leased));
    }
    return places;
  }

  private OutputPlace output(
      DecodedTensor decoded, OutputSpec planned, List<RegisteredRegion> leased) {
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
    leased.add(registered);
    return new OutputPlace.Fixed(
        Tensor.of(region.segment(), decoded.layout(), Backing.SEALED));
  }

  private static List<Extent> extents(List<DecodedTensor> tensors, boolean outputs) {
    if (tensors.isEmpty()) {
      return List.of();
    }
    if (tensors.size() == 1) {
      return List.of(extent(tensors.getFirst(), outputs));
    }
    Extent[] extents = new Extent[tensors.size()];
    Arrays.setAll(extents, i -> extent(tensors.get(i), outputs));
    return List.of(extents);
  }

  private static Extent extent(DecodedTensor tensor, boolean output) {
    return Extent.of(tensor.region(), tensor.layout(), output);
  }
}
