package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.QuantScheme;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of a model as its user sees it: one plain entry of a file, or all parts of a quantized
 * one.
 *
 * @param name unique in the file
 * @param shape the original extents
 * @param encoding a dtype or a scheme, lower case
 * @param scheme how to dequantize it; empty for plain elements and for encodings that can only be
 *     listed and copied
 * @param parts the entries that hold it, in the order of {@link QuantScheme#parts(Shape)}
 */
public record ModelTensor(
    String name,
    Shape shape,
    String encoding,
    Optional<QuantScheme> scheme,
    List<TensorEntry> parts) {
  /**
   * The dtype of plain elements.
   *
   * @return empty if the tensor is quantized, or of an encoding that can only be listed
   */
  public Optional<DType> dtype() {
    return scheme.isPresent() ? Optional.empty() : parts.getFirst().dtype();
  }

  /**
   * Whether its elements are real floating point numbers that can be quantized.
   *
   * @return true for plain f16, bf16, f32 and f64
   */
  public boolean isFloat() {
    DType dtype = dtype().orElse(DType.BOOL);
    return switch (dtype) {
      case F16, BF16, F32, F64 -> true;
      case BOOL, I8, I16, I32, I64, U8, U16, U32, U64, F8_E4M3, F8_E5M2, C64, C128 -> false;
    };
  }

  /**
   * The shape in which blocks run: files of others may run them across rows, as long as the whole
   * tensor divides.
   */
  Shape blockShape() {
    return scheme.map(blocks -> blockShape(blocks, shape)).orElse(shape);
  }

  private static Shape blockShape(QuantScheme scheme, Shape shape) {
    return scheme.fits(shape) ? shape : Shape.of(shape.elementCount());
  }

  /**
   * The size of all parts.
   *
   * @return bytes
   */
  public long byteLength() {
    long sum = 0;
    for (TensorEntry part : parts) {
      sum += part.byteLength();
    }
    return sum;
  }

  /**
   * The tensors of a file.
   *
   * @param file an open file
   * @return in the order of its entries
   * @throws FormatException if a quantized tensor lacks a part, or a part has the wrong size
   */
  public static List<ModelTensor> of(TensorFile file) {
    Map<String, ModelTensor> quantized = new HashMap<>();
    Set<String> parts = new HashSet<>();
    for (TensorEntry entry : file.entries()) {
      QuantScheme scheme = entry.dtype().isPresent() ? null : schemeOf(entry.encoding());
      if (scheme != null) {
        ModelTensor tensor = quantized(file, entry, scheme);
        quantized.put(entry.name(), tensor);
        tensor.parts.forEach(part -> parts.add(part.name()));
      }
    }
    List<ModelTensor> tensors = new ArrayList<>(file.entries().size());
    for (TensorEntry entry : file.entries()) {
      ModelTensor tensor = quantized.get(entry.name());
      if (tensor != null) {
        tensors.add(tensor);
      } else if (!parts.contains(entry.name())) {
        tensors.add(plain(entry));
      }
    }
    return List.copyOf(tensors);
  }

  private static ModelTensor plain(TensorEntry entry) {
    return new ModelTensor(
        entry.name(), entry.shape(), entry.encoding(), Optional.empty(), List.of(entry));
  }

  private static @Nullable QuantScheme schemeOf(String encoding) {
    try {
      return QuantScheme.parse(encoding);
    } catch (BridgeException unknown) {
      return null; // a ggml type, or a scheme of a newer version: listed, not computed with
    }
  }

  private static ModelTensor quantized(TensorFile file, TensorEntry entry, QuantScheme scheme) {
    Shape shape = blockShape(scheme, entry.shape());
    List<TensorEntry> parts = new ArrayList<>(3);
    for (OutputSpec part : scheme.parts(shape)) {
      TensorEntry found = parts.isEmpty() ? entry : file.entry(partName(entry.name(), part));
      if (found.byteLength() != part.type().byteLength()) {
        throw new FormatException(
            "tensor \"" + entry.name() + "\" is " + scheme + entry.shape() + ": its part "
                + part.name() + " has " + found.byteLength() + " bytes, not "
                + part.type().byteLength(),
            -1,
            "parts that match the shape");
      }
      parts.add(found);
    }
    return new ModelTensor(
        entry.name(), entry.shape(), entry.encoding(), Optional.of(scheme), List.copyOf(parts));
  }

  /** The name of the entry that holds a further part of a tensor. */
  static String partName(String tensor, OutputSpec part) {
    return tensor + "." + part.name();
  }
}
