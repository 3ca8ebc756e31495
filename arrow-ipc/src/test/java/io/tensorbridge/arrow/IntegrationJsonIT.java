package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.JsonFileReader;
import org.apache.arrow.vector.util.Validator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The cases of Arrow's integration tests, converted and compared by Arrow Java. */
class IntegrationJsonIT {
  @TempDir
  private Path directory;

  @Test
  @Timeout(120)
  void arrowJavaFindsInOursWhatTheJsonTells() throws IOException {
    assumeTrue(PyArrow.isInstalled(), "Python is not installed");
    Map<String, String> found = new LinkedHashMap<>();
    for (String name : PyArrow.runScript("integration_cases.py", directory).split("\n")) {
      found.put(name, outcome(name));
    }
    assertThat(found).hasSize(28);
    assertThat(found).isEqualTo(documented());
  }

  private Map<String, String> documented() throws IOException {
    Path page = Path.of(System.getProperty("tensorbridge.root", ".."), "docs/arrow-layouts.md");
    String text = Files.readString(page);
    String table = text.substring(text.indexOf("<!-- integration -->"),
        text.indexOf("<!-- end integration -->"));
    Map<String, String> told = new LinkedHashMap<>();
    table.lines().skip(3).forEach(line -> {
      String[] cells = line.split("\\|");
      told.put(cells[1].strip(), cells[3].strip());
    });
    return told;
  }

  private String outcome(String name) throws IOException {
    Path json = directory.resolve(name + ".json");
    Path theirs = directory.resolve(name + ".arrow");
    Path ours = directory.resolve(name + ".ours");
    Path view = directory.resolve(name + ".view.json");
    try {
      convert(json, theirs);
      requireSame(json, theirs);
    } catch (IOException | RuntimeException | AssertionError unable) {
      return "it can't: " + String.valueOf(unable.getMessage()).lines().findFirst().orElse("");
    }
    try (ArrowFile file = ArrowFile.open(theirs);
        ArrowWriter writer = ArrowWriter.toPath(ours, file.schema(), WriteOptions.file())) {
      file.batches().forEach(batch -> batch.columns().forEach(ArrowColumn::validate));
      file.batches().forEach(writer::write);
      writer.finish();
    }
    IntegrationJson.write(theirs, view);
    requireSame(json, ours);
    requireSame(view, theirs);
    return "yes";
  }

  private static void convert(Path json, Path arrow) throws IOException {
    try (RootAllocator allocator = new RootAllocator();
        JsonFileReader reader = new JsonFileReader(json.toFile(), allocator);
        VectorSchemaRoot root = VectorSchemaRoot.create(reader.start(), allocator);
        FileChannel channel =
            FileChannel.open(arrow, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        ArrowFileWriter writer = new ArrowFileWriter(root, reader, channel)) {
      writer.start();
      while (reader.read(root)) {
        writer.writeBatch();
      }
      writer.end();
    }
  }

  /** As Arrow Java's own integration test compares. */
  private static void requireSame(Path json, Path arrow) throws IOException {
    try (RootAllocator allocator = new RootAllocator();
        JsonFileReader expected = new JsonFileReader(json.toFile(), allocator);
        FileChannel channel = FileChannel.open(arrow, StandardOpenOption.READ);
        ArrowFileReader reader = new ArrowFileReader(channel, allocator)) {
      var schema = expected.start();
      VectorSchemaRoot root = reader.getVectorSchemaRoot();
      Validator.compareSchemas(schema, root.getSchema());
      for (var block : reader.getRecordBlocks()) {
        assertThat(reader.loadRecordBatch(block)).isTrue();
        try (VectorSchemaRoot other = expected.read()) {
          Validator.compareVectorSchemaRoot(root, other);
        }
      }
      assertThat(expected.read()).isNull();
    }
  }
}
