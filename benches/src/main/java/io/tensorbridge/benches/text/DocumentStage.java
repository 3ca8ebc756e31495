package io.tensorbridge.benches.text;

import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.Stage;
import io.tensorbridge.benches.UsageException;
import io.tensorbridge.benches.sample.Samples;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import joptsimple.NonOptionArgumentSpec;
import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;
import joptsimple.util.PathConverter;

/** Fills the tables of Markdown documents from a saved run, or checks that they are filled so. */
public final class DocumentStage implements Stage {
  private final OptionParser options = new OptionParser(false);
  private final OptionSpec<Path> saved =
      options.accepts("results").withRequiredArg().withValuesConvertedBy(new PathConverter());
  private final OptionSpec<Void> check = options.accepts("check");
  private final NonOptionArgumentSpec<Path> files =
      options.nonOptions().withValuesConvertedBy(new PathConverter());

  /** Declares the options. */
  public DocumentStage() {}

  @Override
  public String description() {
    return "fills tables between <!-- table: FAMILY --> (or machine) and <!-- end -->; --check: only"
        + " tells whether they are up to date";
  }

  @Override
  public String usage() {
    return "--results RESULTS.json [--check] FILE.md...";
  }

  @Override
  public OptionParser options() {
    return options;
  }

  @Override
  public int run(OptionSet given, PrintStream out) throws IOException {
    List<Path> documents = given.valuesOf(files);
    if (documents.isEmpty()) {
      throw new UsageException("documents are missing");
    }
    Path source = TextOptions.required(given, saved, "--results");
    RunResults results = Json.read(source, RunResults.class);
    if (results.format() != Samples.FORMAT) {
      throw new IOException(
          source + ": format is " + results.format() + ", only " + Samples.FORMAT
              + " is understood; export it again");
    }
    MarkdownTables tables = new MarkdownTables(results);
    int code = 0;
    for (Path document : documents) {
      String before = read(document);
      String after = filled(tables, document, before);
      if (given.has(check) && !after.equals(before)) {
        out.println(
            document + " has other tables than " + source + "; fill them: document --results "
                + source + " " + document);
        code = 1;
      } else if (!after.equals(before)) {
        Files.writeString(document, after);
      }
    }
    return code;
  }

  private static String read(Path document) throws IOException {
    try {
      return Files.readString(document);
    } catch (NoSuchFileException missing) {
      throw new IOException("there is no file " + document, missing);
    } catch (CharacterCodingException malformed) {
      throw new IOException(document + " is no UTF-8 text", malformed);
    }
  }

  private static String filled(MarkdownTables tables, Path document, String text)
      throws IOException {
    try {
      String filled = String.join("\n", tables.fill(text.lines().toList()));
      return text.endsWith("\n") ? filled + "\n" : filled;
    } catch (IOException fault) {
      throw new IOException(document + ": " + fault.getMessage(), fault);
    }
  }
}
