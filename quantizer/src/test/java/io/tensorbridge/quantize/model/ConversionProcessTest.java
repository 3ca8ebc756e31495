package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.QuantScheme;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversions in processes of their own: their memory, and what is left when they are killed. */
final class ConversionProcessTest {
  private static final long MODEL_BYTES = 1L << 30;

  @TempDir
  private Path directory;

  /** Holes read as zeros: a model of 1 GiB that takes no room on the disk. */
  private Path writeSparseModel() {
    Path model = directory.resolve("model.safetensors");
    TensorType type = new TensorType(DType.F32, Shape.of(4_096, 4_096));
    List<TensorEntry> entries = new ArrayList<>();
    for (int i = 0; i < MODEL_BYTES / type.byteLength(); i++) {
      entries.add(TensorEntry.of("layer." + i + ".weight", type));
    }
    try (SafetensorsWriter writer = SafetensorsWriter.create(model, entries, Map.of())) {
      writer.commit();
    }
    return model;
  }

  @Test
  void leavesNothingBehindWhenTheProcessEndsWithoutWarning()
      throws IOException, InterruptedException {
    Path model = writeSparseModel();

    assertThat(convert(model, "halt")).isEqualTo(137);

    assertThat(ModelFiles.filesIn(directory)).containsExactly(model);
  }

  @Test
  void staysWithinItsMemoryWhateverTheSizeOfTheModel() throws IOException, InterruptedException {
    Path model = writeSparseModel();

    assertThat(convert(model, "measure")).isZero();

    assertThat(directory.resolve("model.gguf")).exists();
  }

  private int convert(Path model, String what) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-cp",
            System.getProperty("java.class.path"), Conversion.class.getName(), model.toString(),
            what));
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }

  /** Converts a model; ends amid the work, or fails if it took too much memory. */
  static final class Conversion {
    private static final int THREADS = 2;
    private static final long LIMIT_BYTES = 256L << 20;

    public static void main(String[] arguments) throws IOException {
      Path model = Path.of(arguments[0]);
      boolean halts = arguments[1].equals("halt");
      try (ModelConversion conversion =
          ModelConversion.quantize(
              TensorFileFormats.ofServices(),
              model,
              model.resolveSibling("model.gguf"),
              ConversionOptions.of(QuantScheme.parse("q8_0")).withMeasuring())) {
        conversion.run(
            THREADS,
            (done, total) -> {
              if (halts && done > total / 2) {
                Runtime.getRuntime().halt(137);
              }
            });
      }
      long taken = privateBytes();
      if (taken > LIMIT_BYTES) {
        throw new IllegalStateException(taken + " bytes were taken");
      }
    }

    /** Anonymous memory that is resident at the end; the JVM gives none of it back by itself. */
    private static long privateBytes() throws IOException {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("RssAnon:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) << 10;
        }
      }
      throw new IOException("no RssAnon in /proc/self/status");
    }
  }
}
