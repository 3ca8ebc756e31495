package io.tensorbridge.arrow.tensor;

import io.tensorbridge.DType;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowType;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The dtypes of fields.
 *
 * <table>
 *   <caption>Storage of dtypes that Arrow has no type for</caption>
 *   <tr><th>dtype</th><th>extension</th><th>storage</th></tr>
 *   <tr><td>bool of one byte</td><td>{@code arrow.bool8}</td><td>int8</td></tr>
 *   <tr><td>bfloat16</td><td>{@code tensorbridge.dtype}, metadata {@code bfloat16}</td>
 *       <td>uint16</td></tr>
 *   <tr><td>float8_e4m3fn, float8_e5m2</td><td>{@code tensorbridge.dtype}</td><td>uint8</td></tr>
 *   <tr><td>complex64, complex128</td><td>{@code tensorbridge.dtype}</td>
 *       <td>fixed_size_binary[8], [16]</td></tr>
 * </table>
 *
 * <p>{@code tensorbridge.dtype} has the name of the dtype in NumPy as its metadata; its storage may
 * also be binary of the element's size. Read, but not written, is {@code lance.bfloat16}. A reader that
 * knows none of these sees the storage, whose bytes are the elements.
 */
final class ElementType {
  static final String OWN = "tensorbridge.dtype";

  private static final String BOOL8 = "arrow.bool8";
  private static final String LANCE_BFLOAT16 = "lance.bfloat16";

  private ElementType() {}

  /** The dtype of a field's values, if each is one element. */
  static Optional<DType> of(ArrowField field) {
    if (field.dictionaryEncoded()) {
      return Optional.empty();
    }
    String extension = field.extensionName().orElse("");
    return switch (extension) {
      case BOOL8 -> Optional.of(DType.BOOL).filter(_ -> bytes(field) == 1);
      case LANCE_BFLOAT16 -> Optional.of(DType.BF16).filter(_ -> bytes(field) == 2);
      case OWN -> named(field.metadata().getOrDefault(ArrowField.EXTENSION_METADATA, ""))
          .filter(dtype -> bytes(field) == dtype.byteSize());
      default -> plain(field.type());
    };
  }

  private static long bytes(ArrowField field) {
    boolean storage = field.type() instanceof ArrowType.Int
        || field.type() instanceof ArrowType.FixedSizeBinary;
    return storage ? field.type().layout().valueBits() / Byte.SIZE : 0;
  }

  private static Optional<DType> named(String name) {
    for (DType dtype : DType.values()) {
      if (dtype.numpyName().equals(name)) {
        return Optional.of(dtype);
      }
    }
    return Optional.empty();
  }

  private static Optional<DType> plain(ArrowType type) {
    if (type instanceof ArrowType.Floating(int bits)) {
      return named("float" + bits);
    }
    return type instanceof ArrowType.Int ? named(type.toString()) : Optional.empty();
  }

  /** A field of such elements, none of which is null. */
  static ArrowField field(String name, DType dtype) {
    return switch (dtype) {
      case BOOL -> extension(name, new ArrowType.Int(8, true), BOOL8, "");
      case I8, I16, I32, I64 -> ArrowField.of(name, new ArrowType.Int(dtype.bits(), true), false);
      case U8, U16, U32, U64 -> ArrowField.of(name, new ArrowType.Int(dtype.bits(), false), false);
      case F16, F32, F64 -> ArrowField.of(name, new ArrowType.Floating(dtype.bits()), false);
      case BF16, F8_E4M3, F8_E5M2 ->
          extension(name, new ArrowType.Int(dtype.bits(), false), OWN, dtype.numpyName());
      case C64, C128 ->
          extension(name, new ArrowType.FixedSizeBinary(dtype.byteSize()), OWN, dtype.numpyName());
    };
  }

  private static ArrowField extension(
      String name, ArrowType storage, String extension, String parameters) {
    return ArrowField.of(name, storage, false).withMetadata(metadata(extension, parameters));
  }

  static Map<String, String> metadata(String extension, String parameters) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(ArrowField.EXTENSION_NAME, extension);
    metadata.put(ArrowField.EXTENSION_METADATA, parameters);
    return metadata;
  }
}
