package io.tensorbridge.cli;

import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.checkpoint.CheckpointLayouts;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The schemes and the files that hold them, as they are registered: the end of a help text. */
final class SchemeTable {
  private static final Shape TYPICAL = Shape.of(4096, 4096);

  /** Files that hold floats, but no models: {@code tensorbridge lora} tells of them. */
  private static final String ADAPTERS = "lora.arrow";

  private SchemeTable() {}

  static String text() {
    TextTable table =
        new TextTable(
            "  scheme", ">bits per weight", ">row must divide by", "files", "in safetensors as");
    List<TensorFileFormat> formats = new ArrayList<>();
    for (TensorFileFormatProvider provider : TensorFileFormats.ofServices().providers()) {
      if (!provider.name().equals(ADAPTERS)) {
        formats.add(provider.create());
      }
    }
    for (String family : QuantScheme.knownFamilies()) {
      QuantScheme scheme = QuantScheme.parse(family);
      List<String> holders = new ArrayList<>();
      for (TensorFileFormat format : formats) {
        if (format.holds(scheme.toString())) {
          holders.add(format.name());
        }
      }
      table.add(
          "  " + family,
          String.format(Locale.ROOT, "%.2f", scheme.bitsPerWeight(TYPICAL)),
          Integer.toString(scheme.blockElements()),
          String.join(" ", holders),
          holders.contains("safetensors") ? CheckpointLayouts.titleFor(scheme).orElse("") : "");
    }
    StringWriter text = new StringWriter();
    PrintWriter out = new PrintWriter(text);
    out.println();
    out.println("Schemes:");
    table.print(out);
    out.println();
    out.println("Options of schemes, behind a colon and separated by commas:");
    for (String family : QuantScheme.knownFamilies()) {
      List<String> options = QuantScheme.optionsOf(family);
      if (!options.isEmpty()) {
        out.println("  " + family + ": " + String.join(", ", options));
      }
    }
    out.flush();
    return text.toString();
  }
}
