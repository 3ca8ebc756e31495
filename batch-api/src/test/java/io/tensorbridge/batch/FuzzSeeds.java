package io.tensorbridge.batch;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The golden vectors of {@code spec/}, where a fuzzer begins. */
final class FuzzSeeds {
  private FuzzSeeds() {}

  /** All blocks, also those on which the hostile inputs are based. */
  static Stream<byte[]> blocks() throws IOException {
    List<byte[]> seeds = vectors(name -> name.startsWith("block-"));
    SpecFile bases = SpecFile.read(SpecFile.folder("hostile").resolve("bases.json"));
    for (String name : bases.fields().keySet()) {
      if (name.startsWith("block-")) {
        seeds.add(array(bases.bytes(name)));
      }
    }
    return seeds.stream();
  }

  /** The vectors whose names begin so, each behind a byte that says which reader it is for. */
  static Stream<byte[]> of(int reader, String... prefixes) throws IOException {
    return vectors(name -> Stream.of(prefixes).anyMatch(name::startsWith)).stream()
        .map(bytes -> behind(reader, bytes));
  }

  private static byte[] behind(int reader, byte[] bytes) {
    byte[] seed = new byte[bytes.length + 1];
    seed[0] = (byte) reader;
    System.arraycopy(bytes, 0, seed, 1, bytes.length);
    return seed;
  }

  private static List<byte[]> vectors(Predicate<String> wanted) throws IOException {
    List<byte[]> seeds = new ArrayList<>();
    for (Path path : SpecFile.filesOf("vectors").toList()) {
      if (wanted.test(path.getFileName().toString())) {
        SpecFile vector = SpecFile.read(path);
        if (vector.has("hex")) {
          seeds.add(array(vector.bytes("hex")));
        }
      }
    }
    return seeds;
  }

  private static byte[] array(MemorySegment segment) {
    return segment.toArray(ValueLayout.JAVA_BYTE);
  }
}
