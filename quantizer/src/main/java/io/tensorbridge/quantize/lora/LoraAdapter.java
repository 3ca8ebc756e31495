package io.tensorbridge.quantize.lora;

import io.tensorbridge.FormatException;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A low-rank adapter: the modules of a file, in memory; immutable and thread-safe.
 *
 * @param path where it was read
 * @param format how its tensors are named
 * @param modules in the order of the file
 */
public record LoraAdapter(Path path, LoraFormat format, List<LoraModule> modules) {
  /** Keeps its own list. */
  public LoraAdapter {
    modules = List.copyOf(modules);
  }

  /**
   * Reads an adapter: kohya's or PEFT's names in a file of any format. Alphas of PEFT's are those of
   * {@code adapter_config.json} beside the file, or else the rank.
   *
   * @param formats the known formats
   * @param path the file
   * @return the adapter, in memory of its own
   * @throws FormatException if the file breaks a rule of its format, or a module is malformed; the
   *     message names it
   * @throws TensorException if a factor holds NaN or infinity, or no floats
   */
  public static LoraAdapter read(TensorFileFormats formats, Path path) {
    try (TensorFile file = formats.forPath(path).open(path)) {
      return new AdapterReader(path, file, () -> AdapterConfig.beside(path)).read();
    }
  }

  /**
   * Reads an adapter from a file that is open already.
   *
   * @param name for messages, the path of the file
   * @param file stays open, and the caller's
   * @param config the text of PEFT's {@code adapter_config.json} beside it, if there is one
   * @return the adapter, in memory of its own
   * @throws FormatException if a module or the config is malformed; the message names it
   * @throws TensorException if a factor holds NaN or infinity, or no floats
   */
  public static LoraAdapter read(Path name, TensorFile file, Optional<byte[]> config) {
    Path configName = name.resolveSibling(AdapterConfig.FILE);
    return new AdapterReader(
        name, file, () -> config.map(text -> AdapterConfig.of(configName, text))).read();
  }

  /**
   * The number of weights in the adapter.
   *
   * @return elements of all tensors of all modules
   */
  public long elementCount() {
    long sum = 0;
    for (LoraModule module : modules) {
      sum += module.down().shape().elementCount() + module.up().shape().elementCount();
      sum += module.mid().map(tensor -> tensor.shape().elementCount()).orElse(0L);
      sum += module.magnitude().map(tensor -> tensor.shape().elementCount()).orElse(0L);
    }
    return sum;
  }
}
