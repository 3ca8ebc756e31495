package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The table of {@code docs/schemes.md}: sizes, and the signal-to-noise ratio of each scheme on
 * normal values, 1024 rows of 4096 of deviation 0.02, which is also what its reference library
 * reaches on such data. Two draws differ by up to 0.01 dB.
 */
class SchemesPageTest {
  private static final int ROWS = 1024;
  private static final int COLUMNS = 4096;

  private static Arena arena = Arena.ofShared();
  private static Tensor values = Tensor.of(MemorySegment.NULL, DType.F32, Shape.of(0));

  @BeforeAll
  static void drawValues() {
    arena = Arena.ofShared();
    MemorySegment segment = arena.allocate(4L * ROWS * COLUMNS, 64);
    Random random = new Random(42);
    for (long i = 0; i < (long) ROWS * COLUMNS; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (0.02 * random.nextGaussian()));
    }
    values = Tensor.of(segment, DType.F32, Shape.of(ROWS, COLUMNS));
  }

  @AfterAll
  static void freeValues() {
    arena.close();
  }

  /**
   * A row of the page's table.
   *
   * @param scheme its text
   * @param bits of a weight, two decimals
   * @param divisor what the length of a row must be a multiple of
   * @param ratio decibels, or empty
   */
  record Row(String scheme, String bits, String divisor, String ratio) {}

  static List<Row> rows() throws IOException {
    Path page = Path.of(System.getProperty("tensorbridge.root"), "docs", "schemes.md");
    List<String> lines = Files.readAllLines(page);
    List<Row> rows = new ArrayList<>();
    for (String line : lines.subList(
        lines.indexOf("<!-- schemes -->") + 3, lines.indexOf("<!-- end schemes -->"))) {
      String[] cells = line.split("(?<!\\\\)\\|");
      rows.add(
          new Row(
              cells[1].strip().replace("`", ""),
              cells[2].strip(),
              cells[3].strip(),
              cells[4].strip()));
    }
    return rows;
  }

  @ParameterizedTest
  @MethodSource("rows")
  void aSchemeIsWhatItsPageSays(Row row) {
    QuantScheme scheme = QuantScheme.parse(row.scheme());
    Shape shape = Shape.of(COLUMNS, COLUMNS);
    assertThat(String.format(Locale.ROOT, "%.2f", scheme.bitsPerWeight(shape)))
        .isEqualTo(row.bits());
    assertThat(scheme.blockElements()).hasToString(row.divisor());
    if (!row.ratio().isEmpty()) {
      assertThat(ratio(scheme)).isCloseTo(Double.parseDouble(row.ratio()), within(0.02));
    }
  }

  @Test
  void thePageHasAllFamilies() throws IOException {
    assertThat(rows().stream().map(row -> QuantScheme.parse(row.scheme()).family()))
        .containsAll(QuantScheme.knownFamilies());
  }

  private static double ratio(QuantScheme scheme) {
    Quantizer quantizer = Quantizer.of(scheme).withThreads(2);
    try (Arena decoding = Arena.ofShared(); QuantizedTensor q = quantizer.quantize(values)) {
      MemorySegment decoded = q.dequantize(decoding).data();
      MemorySegment original = values.data();
      double signal = 0;
      double noise = 0;
      for (long i = 0; i < (long) ROWS * COLUMNS; i++) {
        double value = original.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        double error = value - decoded.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        signal += value * value;
        noise += error * error;
      }
      return 10 * Math.log10(signal / noise);
    }
  }
}
