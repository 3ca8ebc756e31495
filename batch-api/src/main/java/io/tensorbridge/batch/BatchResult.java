package io.tensorbridge.batch;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * What came of a batch: for each item, in the order of the batch, its outputs and its value;
 * thread-safe.
 *
 * <p>The outputs are views of shared memory, complete and not copied. They belong to the result:
 * {@link #close()} gives the memory back to the client's pool, and no tensor of it may be touched
 * then. Until that, it stays, also when the client is closed or the server has gone, and no later
 * result uses it.
 */
public final class BatchResult implements AutoCloseable {
  private final Map<String, Integer> indexByName;
  private final List<Round> rounds;
  private final boolean continueOnError;
  private final Map<String, BridgeException> errors;
  private final AtomicBoolean closed = new AtomicBoolean();

  /** Takes over the rounds; looks at the items' codes only if some have failed. */
  BatchResult(ResolvedBatch batch, List<Round> rounds, boolean someFailed) {
    this.indexByName = batch.indexByName();
    this.continueOnError = batch.continueOnError();
    this.rounds = List.copyOf(rounds);
    this.errors = someFailed ? Collections.unmodifiableMap(readErrors()) : Map.of();
  }

  /** The result of a batch without items. */
  static BatchResult empty(ResolvedBatch batch) {
    return new BatchResult(batch, List.of(), false);
  }

  private Map<String, BridgeException> readErrors() {
    Map<String, BridgeException> found = new LinkedHashMap<>();
    indexByName.forEach(
        (name, item) -> {
          Place place = placeOf(item);
          ErrorCode code = place.round.reader().code(place.index);
          if (code != ErrorCode.OK) {
            found.put(name, place.round.reader().failure(place.index, code, name));
          }
        });
    return found;
  }

  /** The round in which an item ended, and its number there. */
  private record Place(Round round, int index) {}

  private Place placeOf(int item) {
    for (int i = rounds.size() - 1; i > 0; i--) {
      Round round = rounds.get(i);
      for (int index = 0; index < round.itemCount(); index++) {
        if (round.item(index) == item) {
          return new Place(round, index);
        }
      }
    }
    return new Place(rounds.getFirst(), item);
  }

  /**
   * What the whole batch failed of: the end of the batch itself, or without {@code continueOnError}
   * the first failure, rather than one that is only its consequence.
   */
  @Nullable
  BridgeException failureToThrow() {
    BridgeException consequence = null;
    for (BridgeException error : errors.values()) {
      switch (error.code()) {
        case CANCELLED, TIMEOUT -> {
          return error;
        }
        case SKIPPED -> consequence = consequence == null ? error : consequence;
        default -> {
          if (!continueOnError) {
            return error;
          }
        }
      }
    }
    return continueOnError ? null : consequence;
  }

  /**
   * The names of all items.
   *
   * @return in the order of the batch, failed ones too
   */
  public List<String> names() {
    return List.copyOf(indexByName.keySet());
  }

  /**
   * The failures.
   *
   * @return by name, in the order of the batch; empty unless the batch {@linkplain
   *     Batch#continueOnError() continues on error}
   */
  public Map<String, BridgeException> errors() {
    return errors;
  }

  /**
   * Whether an item ended well.
   *
   * @param name the item's name
   * @return false if it failed or was not in the batch
   */
  public boolean contains(String name) {
    return indexByName.containsKey(name) && !errors.containsKey(name);
  }

  /**
   * The outputs of an item.
   *
   * @param name the item's name
   * @return by output name, for example {@code data}, in the operation's order
   * @throws BridgeException the item's failure, for most a {@link TensorException}
   */
  public SequencedMap<String, Tensor> outputs(String name) {
    Place place = require(name);
    List<String> outputNames = place.round.outputsOf(place.index).names();
    SequencedMap<String, Tensor> outputs = new LinkedHashMap<>();
    for (int i = 0; i < outputNames.size(); i++) {
      outputs.put(outputNames.get(i), place.round.output(place.index, i));
    }
    return outputs;
  }

  /**
   * The first output of an item; of most operations the only one.
   *
   * @param name the item's name
   * @return a view of shared memory
   * @throws BridgeException the item's failure
   */
  public Tensor output(String name) {
    Place place = require(name);
    if (place.round.outputsOf(place.index).names().isEmpty()) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE, name, -1, "has no output; look at its value", null);
    }
    return place.round.output(place.index, 0);
  }

  /**
   * What the outputs of an item are, in the operation's words.
   *
   * @param name the item's name
   * @return for {@code quantize} the canonical name of the scheme; may be empty
   * @throws BridgeException the item's failure
   */
  public String label(String name) {
    Place place = require(name);
    return place.round.outputsOf(place.index).label();
  }

  /**
   * The small result of an item.
   *
   * @param name the item's name
   * @return 32 bytes, read-only; what they mean is the operation's affair
   * @throws BridgeException the item's failure
   */
  public MemorySegment value(String name) {
    Place place = require(name);
    return place.round.reader().value(place.index);
  }

  private Place require(String name) {
    Integer item = indexByName.get(name);
    if (item == null) {
      Set<String> names = indexByName.keySet();
      throw new IllegalArgumentException(
          "no item of the batch is named \"" + name + "\"; known are "
              + String.join(", ", new ArrayList<>(names).subList(0, Math.min(8, names.size()))));
    }
    if (closed.get()) {
      throw new BridgeClosedException("the result was closed");
    }
    BridgeException error = errors.get(name);
    if (error != null) {
      throw error;
    }
    return placeOf(item);
  }

  /** Gives the memory back; tensors of this result must not be used any more. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      rounds.forEach(Round::drop);
    }
  }
}
