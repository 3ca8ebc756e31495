package io.tensorbridge.quantize.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What activations tell of the columns of a model's tensors, by the names of the tensors: importances,
 * or greatest magnitudes, whichever the scheme takes ({@link
 * io.tensorbridge.quantize.Quantization#withImportance}); immutable and thread-safe.
 */
public final class Calibration {
  /** Nothing is known. */
  public static final Calibration NONE = new Calibration(Map.of());

  static final String RULE = "float32 importances of as many matrices as there are counts";

  private static final String SUMS = ".in_sum2";
  private static final String COUNTS = ".counts";

  private final Map<String, Tensor> vectors;

  private Calibration(Map<String, Tensor> vectors) {
    this.vectors = Map.copyOf(vectors);
  }

  /**
   * Reads a file.
   *
   * <p>The importance matrix of llama.cpp ({@code llama-imatrix}, GGUF) has for each tensor the sums
   * of its squared inputs, {@code NAME.in_sum2}, and how many were added, {@code NAME.counts}: the
   * importances are their quotients, or 1 where nothing was added, as {@code llama-quantize} takes
   * them. Any other file has a vector for each tensor, of its name.
   *
   * @param formats of files
   * @param path the file
   * @return its vectors, in memory of their own
   * @throws FormatException if the file breaks a rule of its format, or a vector is not float32
   */
  public static Calibration read(TensorFileFormats formats, Path path) {
    Map<String, Tensor> vectors = new HashMap<>();
    try (TensorFile file = formats.forPath(path).open(path)) {
      List<TensorEntry> entries = file.entries();
      boolean sums = entries.stream().anyMatch(entry -> entry.name().endsWith(SUMS));
      for (TensorEntry entry : entries) {
        String name = entry.name();
        if (!sums) {
          vectors.put(name, floats(path, file, entry));
        } else if (name.endsWith(SUMS)) {
          String tensor = name.substring(0, name.length() - SUMS.length());
          vectors.put(tensor, quotients(path, file, entry, file.entry(tensor + COUNTS)));
        }
      }
    }
    return new Calibration(vectors);
  }

  private static Tensor floats(Path path, TensorFile file, TensorEntry entry) {
    if (!entry.dtype().equals(Optional.of(DType.F32))) {
      throw broken(path, entry, entry.encoding());
    }
    MemorySegment copy = Arena.ofAuto().allocate(Math.max(1, entry.byteLength()), 64);
    file.read(entry.name(), 0, copy.asSlice(0, entry.byteLength()));
    return Tensor.of(copy, DType.F32, entry.shape());
  }

  private static FormatException broken(Path path, TensorEntry entry, String found) {
    return new FormatException(
        path + ": \"" + entry.name() + "\" is " + found + "; " + RULE, -1, RULE);
  }

  private static Tensor quotients(
      Path path, TensorFile file, TensorEntry sumEntry, TensorEntry countEntry) {
    Tensor sums = floats(path, file, sumEntry);
    MemorySegment counts = floats(path, file, countEntry).segment();
    long matrices = countEntry.shape().elementCount();
    long values = sumEntry.shape().elementCount();
    if (matrices == 0 || values % matrices != 0) {
      throw broken(path, sumEntry, values + " sums for " + matrices + " counts");
    }
    long columns = values / matrices;
    for (long i = 0; i < values; i++) {
      float count = counts.getAtIndex(JAVA_FLOAT_UNALIGNED, i / columns);
      float sum = sums.segment().getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      sums.segment().setAtIndex(JAVA_FLOAT_UNALIGNED, i, count > 0 ? sum / count : 1);
    }
    return sums;
  }

  /**
   * Whether nothing is known of any tensor.
   *
   * @return true of {@link #NONE}
   */
  public boolean isEmpty() {
    return vectors.isEmpty();
  }

  /**
   * What is known of a tensor.
   *
   * @param tensor its name
   * @return a float32 vector, maybe of another length than the tensor's rows
   */
  Optional<Tensor> vector(String tensor) {
    return Optional.ofNullable(vectors.get(tensor));
  }
}
