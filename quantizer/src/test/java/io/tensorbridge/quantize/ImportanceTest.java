package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Importances against the bytes of ggml, made by {@code golden-ggml-importance/generate.py}. */
class ImportanceTest {
  private static final int EVERY = 5;
  private static final int SAMPLED = Golden.ROWS / EVERY;
  private static final long ROW = 4L * Golden.COLUMNS;

  private final Arena arena = Arena.ofShared();

  @AfterEach
  void free() {
    arena.close();
  }

  static Stream<BlockScheme> takers() {
    return Stream.of(BlockScheme.values()).filter(BlockScheme::takesImportance);
  }

  private Tensor rows() {
    MemorySegment input = Golden.input(arena);
    MemorySegment rows = arena.allocate(ROW * Golden.ROWS / EVERY);
    for (int row = 0; row < Golden.ROWS / EVERY; row++) {
      MemorySegment.copy(input, EVERY * ROW * row, rows, row * ROW, ROW);
    }
    return Tensor.of(rows, DType.F32, Shape.of(Golden.ROWS / EVERY, Golden.COLUMNS));
  }

  private Tensor floats(float... values) {
    MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    return Tensor.of(memory, DType.F32, Shape.of(values.length));
  }

  private Tensor importances() {
    byte[] bytes = Golden.resource("/golden-ggml-importance/importance.f32");
    MemorySegment memory = arena.allocate(bytes.length).copyFrom(MemorySegment.ofArray(bytes));
    return Tensor.of(memory, DType.F32, Shape.of(Golden.COLUMNS));
  }

  @ParameterizedTest
  @MethodSource("takers")
  void quantizesToTheBytesOfGgml(BlockScheme scheme) {
    String type = scheme.family().toLowerCase(Locale.ROOT).replace("_k", "_K");
    byte[] expected = Golden.resource("/golden-ggml-importance/ggml_" + type + ".bin");
    Quantizer quantizer = Quantizer.of(scheme).withImportance(importances());
    try (QuantizedTensor q = quantizer.quantize(rows())) {
      assertThat(q.data().data().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
    }
  }

  /** Each row as a tensor of its own, and all of them as rows of a long one, cut into chunks. */
  @ParameterizedTest
  @MethodSource("takers")
  void rowsThatCrossChunksKeepTheirImportances(BlockScheme scheme) {
    long copies = 9;
    Tensor once = rows();
    long bytes = once.data().byteSize();
    MemorySegment memory = arena.allocate(copies * bytes);
    for (int i = 0; i < copies; i++) {
      MemorySegment.copy(once.data(), 0, memory, i * bytes, bytes);
    }
    Tensor many =
        Tensor.of(memory, DType.F32, Shape.of(copies * SAMPLED, Golden.COLUMNS));
    Quantizer quantizer = Quantizer.of(scheme).withImportance(importances()).withThreads(2);
    try (QuantizedTensor one = quantizer.quantize(once);
        QuantizedTensor all = quantizer.quantize(many)) {
      byte[] expected = one.data().data().toArray(ValueLayout.JAVA_BYTE);
      MemorySegment found = all.data().data();
      for (int i = 0; i < copies; i++) {
        assertThat(
            found.asSlice((long) i * expected.length, expected.length)
                .toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(expected);
      }
    }
  }

  @Test
  void schemesWithoutImportancesSayWhichTakeThem() {
    Quantizer quantizer = Quantizer.of(BlockScheme.Q8_0).withImportance(importances());
    assertThatThrownBy(() -> quantizer.quantize("w", rows()))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("q8_0 takes no importances; these schemes do:")
        .hasMessageContaining("q4_k, q5_k, q6_k");
  }

  @Test
  void otherLengthsAndDtypesAreRefused() {
    Quantizer quantizer = Quantizer.of(BlockScheme.Q4_K);
    assertThatThrownBy(() -> quantizer.withImportance(floats(1, 2, 3)).quantize(rows()))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("has 1024 columns, but there are 3 importances");
    Tensor doubles =
        Tensor.of(arena.allocate(8L * Golden.COLUMNS), DType.F64, Shape.of(Golden.COLUMNS));
    assertThatThrownBy(() -> quantizer.withImportance(doubles).quantize(rows()))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("importances are float32");
  }

  @Test
  void negativeAndInfiniteImportancesAreRefusedWithTheirIndex() {
    for (float odd : new float[]{-1e-30f, Float.NaN, Float.POSITIVE_INFINITY}) {
      Tensor importances = importances();
      importances.data().setAtIndex(ValueLayout.JAVA_FLOAT, 17, odd);
      assertThatThrownBy(
          () -> Quantizer.of(BlockScheme.Q6_K).withImportance(importances).quantize(rows()))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("importance 17 is " + odd)
          .extracting(failure -> ((TensorException) failure).code())
          .isEqualTo(ErrorCode.NON_FINITE);
    }
  }
}
