package io.tensorbridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Random;
import org.junit.jupiter.api.Test;

class TensorLayoutTest {
  private static TensorType f32(long... dimensions) {
    return new TensorType(DType.F32, Shape.of(dimensions));
  }

  private static void assertOutside(TensorLayout layout, long byteSize) {
    assertThatThrownBy(() -> layout.requireWithin(byteSize))
        .isInstanceOfSatisfying(
            ProtocolException.class,
            refused -> assertThat(refused.code()).isEqualTo(ErrorCode.OFFSET_OVERFLOW));
  }

  @Test
  void rowMajorStridesFallFromTheFirstDimensionToTheLast() {
    TensorLayout layout = TensorLayout.rowMajor(f32(2, 3, 4));
    assertThat(layout.byteStrides()).containsExactly(48, 16, 4);
    assertThat(layout.isRowMajor()).isTrue();
  }

  @Test
  void columnMajorIsRowMajorOnlyWhereOneDimensionCounts() {
    assertThat(TensorLayout.columnMajor(f32(2, 3)).isRowMajor()).isFalse();
    assertThat(TensorLayout.columnMajor(f32(1, 3)).isRowMajor()).isTrue();
    assertThat(TensorLayout.columnMajor(f32(0, 3)).isRowMajor()).isTrue();
  }

  @Test
  void anExactFitIsWithinAndAByteLessIsNot() {
    TensorLayout layout = TensorLayout.rowMajor(f32(5, 7)).at(8);
    assertThatCode(() -> layout.requireWithin(148)).doesNotThrowAnyException();
    assertOutside(layout, 147);
  }

  @Test
  void negativeStridesReachBelowTheOffset() {
    TensorLayout reversed = TensorLayout.strided(f32(4), 12, -4);
    assertThatCode(() -> reversed.requireWithin(16)).doesNotThrowAnyException();
    assertOutside(TensorLayout.strided(f32(4), 11, -4), 16);
  }

  @Test
  void arithmeticThatOverflowsIsRefusedNotWrapped() {
    assertOutside(TensorLayout.strided(f32(3), 0, Long.MAX_VALUE / 2 + 1), Long.MAX_VALUE);
    assertOutside(TensorLayout.strided(f32(2), 8, Long.MAX_VALUE - 4), Long.MAX_VALUE);
    assertOutside(TensorLayout.strided(f32(2), 0, Long.MIN_VALUE), Long.MAX_VALUE);
    assertOutside(TensorLayout.rowMajor(f32(1)).at(-1), 100);
  }

  @Test
  void anEmptyTensorNeedsNoByteWhateverItsStrides() {
    TensorLayout layout = TensorLayout.strided(f32(0, 9), 16, Long.MAX_VALUE, Long.MIN_VALUE);
    assertThatCode(() -> layout.requireWithin(16)).doesNotThrowAnyException();
    assertOutside(layout, 15);
  }

  @Test
  void theCheckAgreesWithVisitingEveryElement() {
    Random random = new Random(42);
    for (int round = 0; round < 2000; round++) {
      int rank = random.nextInt(4);
      long[] dimensions = random.longs(rank, 0, 4).toArray();
      long[] strides = random.longs(rank, -24, 25).toArray();
      long offset = random.nextLong(0, 64);
      TensorLayout layout = TensorLayout.strided(f32(dimensions), offset, strides);
      long size = random.nextLong(offset, 128);
      boolean within = everyElementWithin(layout, new long[rank], 0, size);
      if (within) {
        assertThatCode(() -> layout.requireWithin(size)).as("%s", layout)
            .doesNotThrowAnyException();
      } else {
        assertOutside(layout, size);
      }
    }
  }

  private static boolean everyElementWithin(
      TensorLayout layout, long[] index, int dimension, long size) {
    if (dimension == index.length) {
      long at = layout.byteOffsetOf(index);
      return at >= 0 && at + 4 <= size;
    }
    for (long i = 0; i < layout.shape().dimension(dimension); i++) {
      index[dimension] = i;
      if (!everyElementWithin(layout, index, dimension + 1, size)) {
        return false;
      }
    }
    return true;
  }

  @Test
  void shapesRefuseNegativeDimensionsHighRanksAndOverflow() {
    assertThatThrownBy(() -> Shape.of(3, -1)).hasMessageContaining("negative");
    assertThatThrownBy(() -> Shape.of(new long[65])).hasMessageContaining("limit of 64");
    assertThatThrownBy(() -> Shape.of(1L << 32, 1L << 31)).hasMessageContaining("overflows");
    assertThatThrownBy(() -> f32(1L << 61, 2)).hasMessageContaining("overflows");
    assertThat(Shape.of(1L << 40, 1L << 40, 0).elementCount()).isZero();
    assertThat(Shape.of()).hasToString("()");
    assertThat(Shape.of(5)).hasToString("(5,)");
    assertThat(Shape.of(320, 4, 3, 3).flattenedToMatrix()).isEqualTo(Shape.of(320, 36));
  }
}
