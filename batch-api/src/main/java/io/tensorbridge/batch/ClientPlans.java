package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.op.Options;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What the server's operations will put out, asked once for each operation, options and types;
 * thread-safe.
 *
 * <p>A plan depends on types alone, so the question points at a few bytes of memory, seen as a
 * tensor of the right shape by strides of zero.
 */
final class ClientPlans {
  /** What a plan depends on. */
  record Key(String operation, Options options, List<TensorType> inputs) {}

  private static final int MAX_KNOWN = 1 << 16;
  private static final int ASKED_AT_ONCE = 1 << 10;
  private static final int ATTEMPTS = 3;
  private static final int SCRATCH_BYTES = 64;

  private final ClientCore core;
  private final Map<Key, PlanRecord> known = new ConcurrentHashMap<>();

  ClientPlans(ClientCore core) {
    this.core = core;
  }

  /**
   * One plan.
   *
   * @throws BridgeException why the operation does not take these types or options
   */
  PlanRecord plan(Key key) {
    Map<Key, BridgeException> refused = ask(List.of(key));
    PlanRecord plan = known.get(key);
    if (plan == null) {
      BridgeException reason = refused.get(key);
      throw reason != null
          ? reason
          : BridgeException.of(ErrorCode.INTERNAL, "the server gave no plan for " + key);
    }
    return plan;
  }

  /** A plan that was asked before; null if it was refused. */
  @Nullable
  PlanRecord known(Key key) {
    return known.get(key);
  }

  /**
   * Asks for all plans of one operation that are not known yet.
   *
   * @return why some can't be planned; these are asked again next time
   */
  Map<Key, BridgeException> ask(Collection<Key> keys) {
    List<Key> missing = new ArrayList<>();
    for (Key key : keys) {
      if (!known.containsKey(key)) {
        missing.add(key);
      }
    }
    if (known.size() > MAX_KNOWN) {
      known.clear();
      missing = List.copyOf(keys);
    }
    int atOnce = Math.min(ASKED_AT_ONCE, core.link().limits().maxItems());
    Map<Key, BridgeException> refused = new LinkedHashMap<>();
    for (int i = 0; i < missing.size(); i += atOnce) {
      askServer(missing.subList(i, Math.min(missing.size(), i + atOnce)), refused);
    }
    return refused;
  }

  private void askServer(List<Key> keys, Map<Key, BridgeException> refused) {
    Piece scratch = core.pool().take(SCRATCH_BYTES, Access.READWRITE);
    try {
      BlockEncoder block = blockOf(keys, scratch);
      long textBytes = StatusReader.RECORD_BYTES * keys.size();
      for (int attempt = 0; attempt < ATTEMPTS && textBytes > 0; attempt++) {
        long missing = askOnce(keys, block, textBytes, refused);
        textBytes = missing == 0 ? 0 : textBytes + missing;
      }
    } finally {
      core.pool().drop(scratch);
    }
  }

  /** Returns how many bytes the status area was too small. */
  private long askOnce(
      List<Key> keys, BlockEncoder block, long textBytes, Map<Key, BridgeException> refused) {
    long statusBytes = StatusReader.byteLength(keys.size(), textBytes);
    Piece frame = core.pool().take(statusBytes + block.byteLength(), Access.READWRITE);
    try {
      core.call(SubmissionKind.PLAN, block, frame, statusBytes);
      StatusReader status = new StatusReader(frame.segment().asSlice(0, statusBytes));
      long missing = 0;
      for (int i = 0; i < keys.size(); i++) {
        ErrorCode code = status.code(i);
        if (code == ErrorCode.OK) {
          known.put(keys.get(i), status.plan(i));
        } else if (code == ErrorCode.NEEDS_SPACE) {
          missing = Math.max(missing, Math.max(1, status.elementIndex(i)));
        } else {
          refused.put(keys.get(i), status.failure(i, code, ""));
        }
      }
      return missing;
    } finally {
      core.pool().drop(frame);
    }
  }

  private static BlockEncoder blockOf(List<Key> keys, Piece scratch) {
    List<BlockEncoder.Item> items = new ArrayList<>(keys.size());
    for (Key key : keys) {
      List<BlockEncoder.Operand> inputs = new ArrayList<>(key.inputs().size());
      for (TensorType type : key.inputs()) {
        TensorLayout layout =
            TensorLayout.strided(type, scratch.byteOffset(), new long[type.shape().rank()]);
        inputs.add(
            new BlockEncoder.Operand(
                scratch.region().id(), PoolRegion.GENERATION, layout));
      }
      items.add(new BlockEncoder.Item(key.options(), 0, inputs, List.of()));
    }
    return new BlockEncoder(keys.getFirst().operation(), true, 0, items, List.of());
  }
}
