package io.tensorbridge.arrow.flight;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.WorkerPool;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Items whose outputs have a size by now, run together into one slab; those that only then know what
 * they need go on in the next round.
 */
final class ExchangeRound implements OpBatch.Listener {
  /** What an operation without outputs gives: two complex numbers. */
  private static final OutputSpec VALUE =
      new OutputSpec("value", new TensorType(DType.C128, Shape.of(2)));

  /**
   * An item to run.
   *
   * @param name of the item
   * @param label what the operation says of its outputs
   * @param workBytes its weight
   * @param outputs none if it gives a value, or doesn't know yet
   * @param begin takes memory for the outputs and the value
   */
  record Task(
      String name,
      String label,
      long workBytes,
      List<OutputSpec> outputs,
      BiFunction<List<Tensor>, MemorySegment, OpRun> begin) {
    long byteLength() {
      return outputs.stream().mapToLong(output -> output.type().byteLength()).sum();
    }
  }

  private final List<Task> tasks;
  private final SharedRegion slab;
  private final MemorySegment memory;
  private final long outputBytes;
  private final @Nullable Outcome[] outcomes;
  private final @Nullable BridgeException[] failures;

  /** The slab is of at least {@link #bytes} bytes. */
  ExchangeRound(List<Task> tasks, SharedRegion slab) {
    this.tasks = tasks;
    this.slab = slab;
    this.memory = slab.region().segment();
    this.outputBytes = tasks.stream().mapToLong(Task::byteLength).sum();
    this.outcomes = new Outcome[tasks.size()];
    this.failures = new BridgeException[tasks.size()];
  }

  /** The memory that tasks need: outputs, then values, packed and each in a place of its own. */
  static long bytes(List<Task> tasks) {
    return tasks.stream().mapToLong(Task::byteLength).sum()
        + 2L * OpMemory.VALUE_BYTES * tasks.size();
  }

  /** Runs all tasks; the calling thread works, too. */
  void run(WorkerPool pool) {
    long valuesAt = outputBytes + (long) OpMemory.VALUE_BYTES * tasks.size();
    memory.asSlice(valuesAt, (long) OpMemory.VALUE_BYTES * tasks.size()).fill((byte) 0);
    List<OpBatch.Item> items = new ArrayList<>();
    long offset = 0;
    for (int i = 0; i < tasks.size(); i++) {
      Task task = tasks.get(i);
      List<Tensor> outputs = new ArrayList<>();
      for (OutputSpec output : task.outputs) {
        outputs.add(Tensor.of(memory.asSlice(offset, output.type().byteLength()),
            TensorLayout.rowMajor(output.type()), Backing.PRIVATE));
        offset += output.type().byteLength();
      }
      MemorySegment value = memory.asSlice(
          valuesAt + (long) OpMemory.VALUE_BYTES * i, OpMemory.VALUE_BYTES);
      items.add(new OpBatch.Item(task.workBytes, () -> task.begin.apply(outputs, value)));
    }
    OpBatch batch = new OpBatch(items, true, pool.threadCount() + 1, this, pool::wake);
    pool.submit(batch);
    pool.help(batch);
  }

  @Override
  public void itemEnded(int item, Outcome outcome) {
    outcomes[item] = outcome;
  }

  @Override
  public void itemFailed(int item, BridgeException failure) {
    failures[item] = failure;
  }

  @Override
  public void batchEnded() {
    // the caller waits for that
  }

  /** The rows of this round, in the order of their data: outputs, then values. */
  List<ResultRow> rows() {
    List<ResultRow> rows = new ArrayList<>();
    for (int i = 0; i < tasks.size(); i++) {
      Task task = tasks.get(i);
      BridgeException failure = failures[i];
      if (failure != null) {
        rows.add(ResultRow.failed(task.name, task.byteLength(), failure));
      } else {
        task.outputs.forEach(output -> rows.add(ResultRow.of(task.name, output, task.label)));
      }
    }
    for (int i = 0; i < tasks.size(); i++) {
      if (givesValue(i)) {
        rows.add(ResultRow.of(tasks.get(i).name, VALUE, tasks.get(i).label));
      }
    }
    return rows;
  }

  private boolean givesValue(int task) {
    return tasks.get(task).outputs.isEmpty() && outcomes[task] instanceof Outcome.Done;
  }

  /** The data of all rows, in place. */
  MemorySegment data() {
    long valuesAt = outputBytes + (long) OpMemory.VALUE_BYTES * tasks.size();
    long end = outputBytes;
    for (int i = 0; i < tasks.size(); i++) {
      if (givesValue(i)) {
        MemorySegment.copy(memory, valuesAt + (long) OpMemory.VALUE_BYTES * i, memory, end,
            OpMemory.VALUE_BYTES);
        end += OpMemory.VALUE_BYTES;
      }
    }
    return memory.asSlice(0, end);
  }

  /** Where the data are. */
  SharedRegion slab() {
    return slab;
  }

  /** What is to be run next, by items that know what they need only now. */
  List<Task> rest() {
    List<Task> rest = new ArrayList<>();
    for (int i = 0; i < tasks.size(); i++) {
      if (outcomes[i] instanceof Outcome.NeedsSpace(var outputs, var resume)) {
        Task task = tasks.get(i);
        rest.add(new Task(task.name, task.label, task.workBytes, outputs,
            (memoryOfOutputs, _) -> resume.apply(memoryOfOutputs)));
      }
    }
    return rest;
  }
}
