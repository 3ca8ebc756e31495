package io.tensorbridge.shm.npy;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import java.nio.file.Path;

/** Which encodings NumPy's files hold: plain dtypes, no blocks. */
final class PlainTypes {
  private PlainTypes() {}

  /** All dtypes but the 8-bit floats, whose name would be lost. */
  static boolean holds(String encoding) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equalsIgnoreCase(encoding)) {
        return dtype != DType.F8_E4M3 && dtype != DType.F8_E5M2;
      }
    }
    return false;
  }

  static TensorType require(Path target, TensorEntry entry) {
    DType dtype =
        entry
            .dtype()
            .orElseThrow(
                () -> new FormatException(
                    target + ": NumPy's files hold plain dtypes, but " + entry.name() + " is "
                        + entry.encoding() + "; choose .npz, .safetensors, .gguf or .arrow"));
    return new TensorType(dtype, entry.shape());
  }
}
