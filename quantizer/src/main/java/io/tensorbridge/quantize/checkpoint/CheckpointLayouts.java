package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.quantize.QuantScheme;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** All checkpoint layouts. */
public final class CheckpointLayouts {
  private static final List<CheckpointLayout> ALL =
      List.of(
          new Bitsandbytes4Bit(),
          new BitsandbytesInt8(),
          new CompressedTensors(),
          new ScaledFp8(),
          new TransposedLayout());

  private CheckpointLayouts() {}

  /**
   * The name of the layout in which safetensors files keep tensors of a scheme.
   *
   * @param scheme the scheme
   * @return a library's name; empty if no library has a layout for it
   */
  public static Optional<String> titleFor(QuantScheme scheme) {
    return layoutFor(scheme).map(CheckpointLayout::title);
  }

  /**
   * The entries in which safetensors files keep a tensor of a scheme.
   *
   * @param name the tensor's name
   * @param scheme the scheme
   * @param shape the tensor's shape
   * @param source the dtype from which it is quantized
   * @return its entries, the codes first; empty if no library has a layout for the scheme
   */
  public static List<StoredEntry> store(
      String name, QuantScheme scheme, Shape shape, DType source) {
    return layoutFor(scheme)
        .map(layout -> layout.store(name, scheme, shape, source))
        .orElse(List.of());
  }

  private static Optional<CheckpointLayout> layoutFor(QuantScheme scheme) {
    return ALL.stream().filter(layout -> layout.takes(scheme)).findFirst();
  }

  /**
   * Finds the tensors of a file that are in a checkpoint layout.
   *
   * @param file an open file of any format
   * @return the tensors; none shares an entry with another
   * @throws FormatException if entries of one tensor are missing or don't match
   */
  public static List<CheckpointTensor> recognise(TensorFile file) {
    CheckpointEntries entries = new CheckpointEntries(file);
    List<CheckpointTensor> found = new ArrayList<>();
    Set<String> taken = new HashSet<>();
    for (CheckpointLayout layout : ALL) {
      for (CheckpointTensor tensor : layout.recognise(entries)) {
        for (TensorEntry entry : tensor.entries()) {
          if (!taken.add(entry.name())) {
            throw CheckpointEntries.broken(
                tensor.name(),
                "entries of one tensor each",
                "shares the entry \"" + entry.name() + "\" with another");
          }
        }
        found.add(tensor);
      }
    }
    return found;
  }
}
