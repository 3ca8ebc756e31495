package io.tensorbridge.quantize.fuzz;

import io.tensorbridge.BridgeException;
import io.tensorbridge.FormatException;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.model.ModelTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** A file with given bytes, opened and read to the end. */
final class FuzzedFile {
  private static final long LARGEST_TENSOR = 1 << 20;
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();

  private FuzzedFile() {}

  /** A place for the files of one test. */
  static Path place(String name) {
    try {
      Path directory = Files.createTempDirectory("tensorbridge-fuzz");
      directory.toFile().deleteOnExit();
      Path file = directory.resolve(name);
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException refused) {
      throw new UncheckedIOException(refused);
    }
  }

  /** Writes the file, opens it and reads all that it holds. */
  static void exercise(Path path, byte[] bytes) {
    try {
      Files.write(path, bytes);
    } catch (IOException refused) {
      throw new UncheckedIOException(refused);
    }
    try (TensorFile file = FORMATS.forPath(path).open(path)) {
      for (ModelTensor tensor : ModelTensor.of(file)) {
        read(file, tensor);
      }
    } catch (FormatException refused) {
      requireFacts(refused);
    }
  }

  private static void read(TensorFile file, ModelTensor tensor) {
    boolean numbers = tensor.isQuantized() || tensor.isFloat();
    if (!numbers || tensor.shape().elementCount() > LARGEST_TENSOR) {
      return;
    }
    try {
      OpRun run = tensor.floats(file).run((part, byteOffset, piece) -> {});
      for (int chunk = 0; chunk < run.chunkCount(0); chunk++) {
        run.runChunk(0, chunk);
      }
    } catch (TensorException refused) {
      requireFacts(refused);
    }
  }

  private static void requireFacts(BridgeException refused) {
    if (String.valueOf(refused.getMessage()).isBlank()) {
      throw new AssertionError("no message", refused);
    }
  }

  /** Test files, and those of folders, as seeds. */
  static Stream<Arguments> seeds(String... names) {
    List<Arguments> seeds = new ArrayList<>();
    for (String name : names) {
      try (Stream<Path> files = Files.walk(resource(name))) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          seeds.add(Arguments.of((Object) Files.readAllBytes(file)));
        }
      } catch (IOException unreadable) {
        throw new UncheckedIOException(unreadable);
      }
    }
    return seeds.stream();
  }

  private static Path resource(String name) {
    URL url = FuzzedFile.class.getResource("/model-files/" + name);
    if (url == null) {
      throw new IllegalArgumentException(name);
    }
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException impossible) {
      throw new IllegalArgumentException(impossible);
    }
  }
}
