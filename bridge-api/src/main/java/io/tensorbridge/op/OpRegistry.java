package io.tensorbridge.op;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.util.Collection;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** The operations that can be asked for by name; thread-safe. */
public final class OpRegistry {
  private final SortedMap<String, TensorOpProvider> providers = new TreeMap<>();
  private final Map<String, TensorOp> loaded = new ConcurrentHashMap<>();

  /**
   * A registry of the given operations.
   *
   * @param providers at most one for each name
   * @throws IllegalArgumentException if two have the same name
   */
  public OpRegistry(Iterable<? extends TensorOpProvider> providers) {
    for (TensorOpProvider provider : providers) {
      if (this.providers.put(provider.name(), provider) != null) {
        throw new IllegalArgumentException("two operations are named " + provider.name());
      }
    }
  }

  /**
   * The operations found on the class path.
   *
   * @return a registry of all {@link TensorOpProvider} services
   */
  public static OpRegistry ofServices() {
    return new OpRegistry(
        ServiceLoader.load(TensorOpProvider.class, OpRegistry.class.getClassLoader()));
  }

  /**
   * Descriptions of all operations.
   *
   * @return ordered by name
   */
  public Collection<TensorOpProvider> providers() {
    return providers.values();
  }

  /**
   * The operation with a name, loaded at its first use.
   *
   * @param name as the caller gave it
   * @return the operation
   * @throws OptionException {@link ErrorCode#UNKNOWN_OPERATION} with the known names
   */
  public TensorOp get(String name) {
    TensorOpProvider provider = providers.get(name);
    if (provider == null) {
      throw new OptionException(
          ErrorCode.UNKNOWN_OPERATION,
          "operation \"" + name + "\" is unknown; known are "
              + String.join(", ", providers.keySet()));
    }
    TensorOp operation = loaded.get(name);
    return operation != null ? operation : loaded.computeIfAbsent(name, _ -> provider.create());
  }
}
