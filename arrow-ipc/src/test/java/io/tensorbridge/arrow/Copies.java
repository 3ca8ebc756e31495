package io.tensorbridge.arrow;

import io.tensorbridge.Backing;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Scanner;

/**
 * Reads Arrow files and streams and writes them again, as the programs in Go and Rust beside it do.
 *
 * <p>Standard input holds a line for each: the path that is read, the path that is written in the same
 * form (file or stream), and {@code none}, {@code lz4}, {@code zstd}, {@code deltas} or {@code v4},
 * separated by tabs; or {@code tensor} for a message of one tensor. A line of standard output answers
 * each: {@code ok}, or {@code reading: ...} or {@code writing: ...} with what was wrong. {@code
 * python/tests/arrow_peers.py} runs it from this source, with the classes of the command's jar.
 */
public final class Copies {
  private Copies() {}

  /**
   * Copies until the input ends.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) {
    Scanner lines = new Scanner(System.in, StandardCharsets.UTF_8);
    while (lines.hasNextLine()) {
      System.out.println(copied(lines.nextLine()));
    }
  }

  private static String copied(String line) {
    List<String> words = Arrays.asList(line.split("\t"));
    Path source = Path.of(words.get(0));
    if (words.get(2).equals("tensor")) {
      return copiedTensor(source, Path.of(words.get(1)));
    }
    String step = "reading";
    try (ArrowFile file = ArrowFile.open(source)) {
      file.batches().forEach(batch -> batch.columns().forEach(ArrowColumn::validate));
      step = "writing";
      WriteOptions options = isFile(source) ? WriteOptions.file() : WriteOptions.stream();
      WriteOptions compressed = switch (words.get(2)) {
        case "lz4" -> options.withCompression(ArrowCompression.LZ4_FRAME);
        case "zstd" -> options.withCompression(ArrowCompression.ZSTD);
        case "v4" -> throw new IOException("metadata V4 are read, not written");
        default -> options;
      };
      try (ArrowWriter writer =
          ArrowWriter.toPath(Path.of(words.get(1)), file.schema(), compressed)) {
        file.batches().forEach(writer::write);
        writer.finish();
      }
      return "ok";
    } catch (RuntimeException | IOException failure) {
      return told(step, failure);
    }
  }

  private static String copiedTensor(Path source, Path target) {
    String step = "reading";
    try (FileChannel channel =
        FileChannel.open(target, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      MemorySegment bytes = MemorySegment.ofArray(Files.readAllBytes(source));
      TensorMessage message = TensorMessage.read(bytes, Backing.PRIVATE);
      step = "writing";
      TensorMessage.write(message.tensor(), message.dimensionNames(), channel);
      return "ok";
    } catch (RuntimeException | IOException failure) {
      return told(step, failure);
    }
  }

  private static String told(String step, Exception failure) {
    return (step + ": " + failure.getMessage()).replaceAll("[\n\t]", " ");
  }

  private static boolean isFile(Path path) throws IOException {
    try (InputStream bytes = Files.newInputStream(path)) {
      return new String(bytes.readNBytes(6), StandardCharsets.US_ASCII).equals("ARROW1");
    }
  }
}
