package io.tensorbridge.quantize.model;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.checkpoint.CheckpointLayouts;
import io.tensorbridge.quantize.checkpoint.CheckpointTensor;
import io.tensorbridge.quantize.checkpoint.FloatReading;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of a model as its user sees it: one plain entry of a file, or all parts of a quantized
 * one.
 *
 * @param name unique in the file
 * @param shape the original extents
 * @param encoding a dtype or a scheme, lower case
 * @param scheme that makes such parts; empty for plain elements, for layouts of other tools that no
 *     scheme makes, and for encodings that can only be listed and copied
 * @param parts the entries that hold it, the codes first
 * @param reading how a quantized tensor is dequantized; empty for plain elements, and for encodings
 *     that can only be listed and copied
 */
public record ModelTensor(
    String name,
    Shape shape,
    String encoding,
    Optional<QuantScheme> scheme,
    List<TensorEntry> parts,
    Optional<FloatReading> reading) {
  /**
   * The dtype of plain elements.
   *
   * @return empty if the tensor is quantized, or of an encoding that can only be listed
   */
  public Optional<DType> dtype() {
    return isQuantized() ? Optional.empty() : parts.getFirst().dtype();
  }

  /**
   * Whether it must be dequantized to get its values, and can be.
   *
   * @return false for plain elements, and for encodings that can only be listed and copied
   */
  public boolean isQuantized() {
    return reading.isPresent();
  }

  /**
   * The values.
   *
   * @param file the open file that holds it
   * @return its elements as float32, dequantized if need be; to be read while the file is open
   * @throws TensorException if it has no such values
   */
  public FloatSource floats(TensorFile file) {
    if (reading.isPresent()) {
      return reading.get().open(file);
    }
    if (!isFloat()) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          name,
          -1,
          "holds " + encoding + ", which has no float32 values",
          null);
    }
    return file instanceof PositionedFile
        ? FloatSource.of(
            new TensorType(dtype().orElseThrow(), shape),
            (byteOffset, target) -> file.read(name, byteOffset, target))
        : FloatSource.of(file.tensor(name));
  }

  private static FloatSource dequantized(
      TensorFile file, QuantScheme scheme, Shape shape, List<TensorEntry> parts) {
    List<Tensor> sources = new ArrayList<>(parts.size());
    for (OutputSpec part : scheme.parts(blockShape(scheme, shape))) {
      String entry = parts.get(sources.size()).name();
      TensorLayout layout = TensorLayout.rowMajor(part.type());
      sources.add(Tensor.of(file.bytes(entry), layout, Backing.FILE));
    }
    return FloatSource.of(scheme, shape, sources);
  }

  /**
   * Whether its elements are real floating point numbers that can be quantized.
   *
   * @return true for plain f16, bf16, f32, f64 and 8-bit floats
   */
  public boolean isFloat() {
    DType dtype = dtype().orElse(DType.BOOL);
    return switch (dtype) {
      case F16, BF16, F32, F64, F8_E4M3, F8_E5M2 -> true;
      case BOOL, I8, I16, I32, I64, U8, U16, U32, U64, C64, C128 -> false;
    };
  }

  /**
   * The shape in which blocks run: files of others may run them across rows, as long as the whole
   * tensor divides.
   */
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
    Map<String, ModelTensor> tensorOf = new HashMap<>();
    for (CheckpointTensor found : CheckpointLayouts.recognise(file)) {
      ModelTensor tensor = inLayout(found);
      tensor.parts.forEach(part -> tensorOf.put(part.name(), tensor));
    }
    for (TensorEntry entry : file.entries()) {
      QuantScheme scheme = entry.dtype().isPresent() ? null : schemeOf(entry.encoding());
      if (scheme != null) {
        ModelTensor tensor = quantized(file, entry, scheme);
        tensor.parts.forEach(part -> tensorOf.put(part.name(), tensor));
      }
    }
    Map<String, ModelTensor> tensors = new LinkedHashMap<>();
    for (TensorEntry entry : file.entries()) {
      ModelTensor tensor = tensorOf.getOrDefault(entry.name(), plain(entry));
      ModelTensor other = tensors.putIfAbsent(tensor.name(), tensor);
      if (other != null && !other.equals(tensor)) {
        throw new FormatException(
            "two tensors are named \"" + tensor.name() + "\": one is " + other.encoding()
                + ", one " + tensor.encoding(),
            -1,
            "one tensor of a name");
      }
    }
    return List.copyOf(tensors.values());
  }

  private static ModelTensor inLayout(CheckpointTensor found) {
    return new ModelTensor(
        found.name(),
        found.shape(),
        found.encoding(),
        found.scheme(),
        found.entries(),
        Optional.of(found.reading()));
  }

  private static ModelTensor plain(TensorEntry entry) {
    return new ModelTensor(
        entry.name(),
        entry.shape(),
        entry.encoding(),
        Optional.empty(),
        List.of(entry),
        Optional.empty());
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
    for (OutputSpec part : partsOf(entry, scheme, shape)) {
      TensorEntry found = parts.isEmpty() ? entry : part(file, entry, part);
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
    FloatReading reading = open -> dequantized(open, scheme, entry.shape(), parts);
    return new ModelTensor(
        entry.name(),
        entry.shape(),
        entry.encoding(),
        Optional.of(scheme),
        List.copyOf(parts),
        Optional.of(reading));
  }

  private static List<OutputSpec> partsOf(TensorEntry entry, QuantScheme scheme, Shape shape) {
    try {
      return scheme.parts(shape);
    } catch (BridgeException impossible) {
      throw new FormatException(
          "tensor \"" + entry.name() + "\" can't be " + entry.encoding() + shape + ": "
              + impossible.getMessage(),
          -1,
          "schemes that take the shape");
    }
  }

  private static TensorEntry part(TensorFile file, TensorEntry entry, OutputSpec part) {
    try {
      return file.entry(partName(entry.name(), part));
    } catch (TensorException missing) {
      throw new FormatException(
          "tensor \"" + entry.name() + "\" is " + entry.encoding() + ": its part " + part.name()
              + " is missing; " + missing.reason(),
          -1,
          "all parts of a quantized tensor");
    }
  }

  /** The name of the entry that holds a further part of a tensor. */
  static String partName(String tensor, OutputSpec part) {
    return tensor + "." + part.name();
  }
}
