package io.tensorbridge.cli;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Where a quantized model goes if nothing is said: beside the input, the scheme in its name. */
final class OutputName {
  /** What a model is usually quantized for; formats that others read, before our own tables. */
  private static final List<String> USUAL = List.of("gguf", "safetensors");

  private OutputName() {}

  /**
   * A name whose format holds the scheme: the input's own if it does, else the most usual one.
   */
  static Path of(TensorFileFormats formats, Path input, QuantScheme scheme) {
    String name = String.valueOf(input.getFileName());
    String stem = name;
    String extension = "";
    String other = "";
    int otherRank = Integer.MAX_VALUE;
    for (TensorFileFormatProvider provider : formats.providers()) {
      TensorFileFormat format = provider.create();
      boolean holds = format.holds(scheme.toString());
      for (String ending : provider.extensions()) {
        if (name.toLowerCase(Locale.ROOT).endsWith(ending)
            && name.length() - ending.length() < stem.length()) {
          stem = name.substring(0, name.length() - ending.length());
          extension = holds ? provider.extensions().getFirst() : "";
        }
      }
      if (holds && rank(provider) < otherRank) {
        other = provider.extensions().getFirst();
        otherRank = rank(provider);
      }
    }
    if (extension.isEmpty() && other.isEmpty()) {
      throw new OptionException(ErrorCode.BAD_OPTION, "scheme", "no format holds " + scheme);
    }
    String slug = scheme.toString().replaceAll("[:,]", "-").replace("=", "");
    return input.resolveSibling(stem + "." + slug + (extension.isEmpty() ? other : extension));
  }

  private static int rank(TensorFileFormatProvider provider) {
    int index = USUAL.indexOf(provider.name());
    return index < 0 ? USUAL.size() : index;
  }
}
