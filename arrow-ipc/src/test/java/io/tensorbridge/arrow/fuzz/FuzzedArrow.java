package io.tensorbridge.arrow.fuzz;

import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.ReadOptions;
import io.tensorbridge.arrow.tensor.TensorColumns;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Arrow data of given bytes, read to the end. */
public final class FuzzedArrow {
  private static final ReadOptions LITTLE_MEMORY =
      ReadOptions.defaults().withMostOwnBytes(16 << 20);

  private FuzzedArrow() {}

  /** The files of folders beside make_files.py. */
  public static List<Path> files(String... folders) {
    List<Path> files = new ArrayList<>();
    for (String folder : folders) {
      try (Stream<Path> found =
          Files.list(Path.of(FuzzedArrow.class.getResource("/arrow/" + folder).toURI()))) {
        found.sorted().forEach(files::add);
      } catch (IOException unreadable) {
        throw new UncheckedIOException(unreadable);
      } catch (URISyntaxException impossible) {
        throw new AssertionError(impossible);
      }
    }
    return files;
  }

  /** The bytes of a file. */
  public static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** Whether bytes are read whole, else they were refused as they should be. */
  public static boolean isRead(byte[] bytes) {
    try (ArrowFile file = ArrowFile.open(MemorySegment.ofArray(bytes), LITTLE_MEMORY)) {
      if (file.statistics().batchCount() != file.batches().size()) {
        throw new AssertionError("statistics of other batches");
      }
      for (ArrowBatch batch : file.batches()) {
        batch.columns().forEach(FuzzedArrow::read);
      }
      return true;
    } catch (FormatException refused) {
      requireFacts(refused, bytes.length);
      return false;
    }
  }

  private static void read(ArrowColumn column) {
    column.validate();
    try {
      Tensor tensor = TensorColumns.of(column);
      if (tensor.byteLength() > 0) {
        tensor.getDouble(new long[tensor.shape().rank()]);
      }
    } catch (TensorException noTensor) {
      if (noTensor.getMessage().isBlank()) {
        throw noTensor;
      }
    }
  }

  static void requireFacts(FormatException refused, long length) {
    if (refused.rule().isEmpty() || refused.byteOffset() < -1 || refused.byteOffset() > length) {
      throw new AssertionError("refused without a rule or outside of the file", refused);
    }
  }
}
