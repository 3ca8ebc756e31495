package io.tensorbridge.cli;

import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.ScaledAdapter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** An adapter on the command line, {@code FILE[:SCALE]}. */
final class LoraArgument {
  private LoraArgument() {}

  /** The scale stands behind the last colon, if a number does. */
  static ScaledAdapter read(TensorFileFormats formats, String text) {
    int colon = text.lastIndexOf(':');
    if (colon > 0) {
      try {
        double scale = Double.parseDouble(text.substring(colon + 1));
        return new ScaledAdapter(adapter(formats, text.substring(0, colon)), scale);
      } catch (NumberFormatException partOfTheName) {
        // the whole text is a file name
      }
    }
    return new ScaledAdapter(adapter(formats, text), 1);
  }

  private static LoraAdapter adapter(TensorFileFormats formats, String file) {
    try {
      return LoraAdapter.read(formats, Path.of(file));
    } catch (InvalidPathException malformed) {
      throw new UsageException("\"" + file + "\" is no file name");
    }
  }
}
