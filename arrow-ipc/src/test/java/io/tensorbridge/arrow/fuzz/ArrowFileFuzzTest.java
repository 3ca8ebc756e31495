package io.tensorbridge.arrow.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Files and streams of any bytes are read, or refused by a FormatException. */
@Tag("fuzz")
final class ArrowFileFuzzTest {
  static Stream<Arguments> seeds() {
    return FuzzedArrow.files("golden-layouts", "golden", "hostile", "hostile-columns").stream()
        .map(file -> Arguments.of((Object) FuzzedArrow.bytes(file)));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "10m")
  void opensOrRefuses(byte[] bytes) {
    FuzzedArrow.isRead(bytes == null ? new byte[0] : bytes);
  }
}
