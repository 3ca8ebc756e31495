package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GroupChunksTest {
  @ParameterizedTest
  @CsvSource({
      "1, 1, 32, true", "7, 96, 32, true", "7, 96, 32, false", "7, 100, 32, false",
      "3, 1000, 32, false", "1, 1000, 64, true", "5, 33, 64, false", "2, 5000, 5000, true",
      "2, 5000, 4999, false", "1000, 3, 3, true", "1000, 3, 2, false"
  })
  void chunksCoverEveryGroupOnceAndRunsEndWithAtMostOneShortGroup(
      long rows, long columns, long groupElements, boolean seamless) {
    GroupGrid grid = new GroupGrid(rows, columns, groupElements, Shape.of());
    GroupChunks chunks = GroupChunks.of(grid, seamless, 256);
    long expected = 0;
    for (int chunk = 0; chunk < chunks.count(); chunk++) {
      assertThat(chunks.firstGroup(chunk)).isEqualTo(expected);
      expected = chunks.endGroup(chunk);
      long elements = grid.groupEnd(expected - 1) - grid.groupStart(chunks.firstGroup(chunk));
      assertThat(elements).isPositive().isLessThanOrEqualTo(Math.max(256, groupElements));
      for (long group = chunks.firstGroup(chunk); group < expected;) {
        long end = chunks.runEnd(group, expected);
        for (long i = group; i < end - 1; i++) {
          assertThat(grid.groupEnd(i) - grid.groupStart(i)).isEqualTo(groupElements);
        }
        group = end;
      }
    }
    assertThat(expected).isEqualTo(grid.groups());
  }

  @Test
  void paddedRowsAreNeverSeamless() {
    QuantScheme scheme = QuantScheme.parse("int4:layout=compressed-tensors,bits=8,group=row");
    for (int columns = 1; columns < 70; columns++) {
      GroupCoding coding = GroupCoding.of((GroupScheme) scheme, Shape.of(16, columns));
      assertThat(coding.chunks().seamless()).isEqualTo(columns % 4 == 0);
    }
  }

  @Test
  void theSizesOfPartsAreThoseThatTheKernelsWrite() {
    List<Shape> shapes = List.of(Shape.of(0), Shape.of(1), Shape.of(3, 64), Shape.of(5, 256),
        Shape.of(300, 130));
    List<String> schemes = new ArrayList<>(QuantScheme.knownFamilies());
    schemes.addAll(
        List.of(
            "fp8_e4m3:scale=tensor", "fp8_e4m3:scale=row", "fp8_e5m2:scale=block",
            "mxfp4:layout=ocp", "nvfp4:layout=two-level"));
    for (String text : schemes) {
      if (QuantScheme.parse(text) instanceof GroupScheme scheme) {
        for (Shape shape : shapes.stream().filter(scheme::fits).toList()) {
          GroupCoding coding = GroupCoding.of(scheme, shape);
          List<Long> written = new ArrayList<>();
          for (int part = 0; part < coding.format().partCount(); part++) {
            written.add(coding.partBytes(part));
          }
          assertThat(scheme.parts(shape).stream().map(OutputSpec::type).map(TensorType::byteLength))
              .as(scheme + " " + shape)
              .startsWith(written.toArray(Long[]::new));
        }
      }
    }
  }
}
