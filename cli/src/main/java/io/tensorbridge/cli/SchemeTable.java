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

  private SchemeTable() {}

  static String text() {
    TextTable table =
        new TextTable(
            "  scheme", ">bits per weight", ">row must divide by", "files", "in safetensors as");
    List<TensorFileFormatProvider> providers = TensorFileFormats.ofServices().providers();
    List<TensorFileFormat> formats = new ArrayList<>();
    providers.forEach(provider -> formats.add(provider.create()));
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
    out.println("  uniform takes options: uniform:bits=2|4|8,group=tensor|row|32|64|128|256,"
        + "sym=true|false,spatial=true|false; or bits=2|4|8,time=GROUPS,sym=true|false");
    out.flush();
    return text.toString();
  }
}
