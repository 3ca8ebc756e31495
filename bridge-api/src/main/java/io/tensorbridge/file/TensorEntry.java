package io.tensorbridge.file;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import java.util.Locale;
import java.util.Optional;

/**
 * One named tensor of a file.
 *
 * @param name unique in the file
 * @param encoding a dtype ({@code f32}) or the name of a block scheme ({@code q8_0}), lower case
 * @param shape the logical extents, outermost first
 * @param byteLength the size of the stored bytes
 */
public record TensorEntry(String name, String encoding, Shape shape, long byteLength) {
  /**
   * An entry of plain elements.
   *
   * @param name unique in the file
   * @param type dtype and shape
   * @return the entry
   */
  public static TensorEntry of(String name, TensorType type) {
    return new TensorEntry(
        name,
        type.dtype().name().toLowerCase(Locale.ROOT),
        type.shape(),
        type.byteLength());
  }

  /**
   * The dtype of plain elements.
   *
   * @return empty if the bytes are blocks of a scheme
   */
  public Optional<DType> dtype() {
    for (DType dtype : DType.values()) {
      if (dtype.name().equalsIgnoreCase(encoding)) {
        return Optional.of(dtype);
      }
    }
    return Optional.empty();
  }
}
