package example;

import io.tensorbridge.Tensor;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.QuantizedTensor;
import io.tensorbridge.quantize.Quantizer;
import io.tensorbridge.quantize.model.SafetensorsFile;
import java.nio.file.Path;

/** Maps a safetensors file and quantizes its matrices: {@code FILE [SCHEME]}. */
public final class ReadAndQuantize {
  public static void main(String[] args) {
    Path path = Path.of(args[0]);
    QuantScheme scheme = QuantScheme.parse(args.length > 1 ? args[1] : "q8_0");
    Quantizer quantizer = Quantizer.of(scheme);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      for (TensorEntry entry : file.entries()) {
        if (entry.shape().rank() < 2) {
          continue;
        }
        Tensor weight = file.tensor(entry.name()); // a view of the mapped file: nothing is copied
        try (QuantizedTensor quantized = quantizer.quantize(weight)) {
          System.out.printf(
              "%s %s: %,d -> %,d bytes%n",
              entry.name(), weight.shape(), weight.byteLength(), quantized.data().byteLength());
        }
      }
    }
  }

  private ReadAndQuantize() {}
}
