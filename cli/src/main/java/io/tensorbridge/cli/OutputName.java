package io.tensorbridge.cli;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import java.nio.file.Path;
import java.util.Locale;

/** Where a quantized model goes if nothing is said: beside the input, the scheme in its name. */
final class OutputName {
  private OutputName() {}

  /**
   * A name whose format holds the scheme: the input's own if it does, else the first that does.
   */
  static Path of(TensorFileFormats formats, Path input, QuantScheme scheme) {
    String name = String.valueOf(input.getFileName());
    String stem = name;
    String extension = "";
    for (TensorFileFormatProvider provider : formats.providers()) {
      TensorFileFormat format = provider.create();
      boolean holds = format.holds(scheme.toString());
      for (String ending : provider.extensions()) {
        if (name.toLowerCase(Locale.ROOT).endsWith(ending)
            && name.length() - ending.length() < stem.length()) {
          stem = name.substring(0, name.length() - ending.length());
          extension = holds ? provider.extensions().getFirst() : extension;
        }
      }
      if (extension.isEmpty() && holds) {
        extension = provider.extensions().getFirst();
      }
    }
    if (extension.isEmpty()) {
      throw new OptionException(ErrorCode.BAD_OPTION, "scheme", "no format holds " + scheme);
    }
    String slug = scheme.toString().replaceAll("[:,]", "-").replace("=", "");
    return input.resolveSibling(stem + "." + slug + extension);
  }
}
