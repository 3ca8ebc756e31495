package io.tensorbridge.quantize.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("fuzz")
final class NpzFuzzTest {
  private static final Path FILE = FuzzedFile.place("fuzzed.npz");

  static Stream<Arguments> seeds() {
    return FuzzedFile.seeds(
        "hostile-npz", "golden.npz", "golden-compressed.npz", "golden-encoded.npz");
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "10m")
  void opensOrRefuses(byte[] bytes) {
    FuzzedFile.exercise(FILE, bytes);
  }
}
