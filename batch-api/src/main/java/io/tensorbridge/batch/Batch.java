package io.tensorbridge.batch;

import io.tensorbridge.Tensor;
import io.tensorbridge.op.Options;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An order of work: one operation on many named tensors; not thread-safe.
 *
 * <pre>{@code
 * Batch.of("quantize").option("scheme", "q8_0").add("a.weight", weight).add("a.bias", bias, plain)
 * }</pre>
 *
 * <p>The client reads it when it is submitted or prepared; afterwards it can be changed and
 * submitted again.
 */
public final class Batch {
  private final String operation;
  private final List<Item> items = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private Options options = Options.NONE;
  private boolean continueOnError;
  private int threads;
  private Duration timeout = Duration.ZERO;

  private Batch(String operation) {
    this.operation = operation;
  }

  /** One piece of work; {@code options} is null where those of the batch hold. */
  record Item(String name, List<Tensor> inputs, @Nullable Options options) {}

  /**
   * A batch without tensors.
   *
   * @param operation one of {@link BatchClient#operations()}
   * @return the batch, to be filled
   */
  public static Batch of(String operation) {
    return new Batch(operation);
  }

  /**
   * Sets an option of all items that have no options of their own.
   *
   * @param key the option's name
   * @param value its value
   * @return this batch
   * @throws io.tensorbridge.OptionException if key or value can't be written
   */
  public Batch option(String key, String value) {
    options = options.with(key, value);
    return this;
  }

  /**
   * Sets all options of all items that have no options of their own.
   *
   * @param value the options
   * @return this batch
   */
  public Batch options(Options value) {
    options = value;
    return this;
  }

  /**
   * Adds an item of one tensor.
   *
   * @param name by which its result is found, unique in the batch
   * @param tensor any tensor; in memory that is not this client's it is copied once
   * @return this batch
   */
  public Batch add(String name, Tensor tensor) {
    return add(new Item(name, List.of(tensor), null));
  }

  /**
   * Adds an item of one tensor with options of its own.
   *
   * @param name by which its result is found, unique in the batch
   * @param tensor any tensor; in memory that is not this client's it is copied once
   * @param itemOptions in the place of all the batch's options
   * @return this batch
   */
  public Batch add(String name, Tensor tensor, Options itemOptions) {
    return add(new Item(name, List.of(tensor), itemOptions));
  }

  /**
   * Adds an item of several tensors.
   *
   * @param name by which its result is found, unique in the batch
   * @param tensors the item's inputs in the operation's order
   * @return this batch
   */
  public Batch add(String name, List<Tensor> tensors) {
    return add(new Item(name, List.copyOf(tensors), null));
  }

  /**
   * Adds an item of several tensors with options of its own.
   *
   * @param name by which its result is found, unique in the batch
   * @param tensors the item's inputs in the operation's order
   * @param itemOptions in the place of all the batch's options
   * @return this batch
   */
  public Batch add(String name, List<Tensor> tensors, Options itemOptions) {
    return add(new Item(name, List.copyOf(tensors), itemOptions));
  }

  private Batch add(Item item) {
    if (item.name().indexOf('\0') >= 0) {
      throw new IllegalArgumentException("a tensor's name holds a zero character");
    }
    if (!names.add(item.name())) {
      throw new IllegalArgumentException(
          "two tensors of the batch are named \"" + item.name() + "\"");
    }
    items.add(item);
    return this;
  }

  /**
   * Lets the other items go on when one fails; failures are then found in {@link
   * BatchResult#errors()} instead of being thrown.
   *
   * @return this batch
   */
  public Batch continueOnError() {
    continueOnError = true;
    return this;
  }

  /**
   * Bounds how many of the server's threads work on the batch at once.
   *
   * @param count 0 for all
   * @return this batch
   */
  public Batch threads(int count) {
    if (count < 0) {
      throw new IllegalArgumentException(count + " threads can't work; 0 stands for all");
    }
    threads = count;
    return this;
  }

  /**
   * Bounds how long the batch may take.
   *
   * @param value the time from its submission on; zero for no bound
   * @return this batch
   */
  public Batch timeout(Duration value) {
    if (value.isNegative()) {
      throw new IllegalArgumentException("a timeout of " + value + " is negative");
    }
    timeout = value;
    return this;
  }

  String operation() {
    return operation;
  }

  List<Item> items() {
    return items;
  }

  Options optionsOf(Item item) {
    Options own = item.options();
    return own == null ? options : own;
  }

  boolean continuesOnError() {
    return continueOnError;
  }

  int threads() {
    return threads;
  }

  long timeoutNanos() {
    return timeout.toNanos();
  }
}
