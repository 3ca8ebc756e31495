package io.tensorbridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class TensorTest {
  private static Tensor counting(long... dimensions) {
    Shape shape = Shape.of(dimensions);
    float[] values = new float[(int) shape.elementCount()];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    return Tensor.of(MemorySegment.ofArray(values), DType.F32, shape);
  }

  private static Tensor bytes(DType dtype, int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return Tensor.of(
        MemorySegment.ofArray(bytes), dtype, Shape.of(values.length / dtype.byteSize()));
  }

  @Test
  void viewsShareTheMemory() {
    Tensor tensor = counting(3, 4);
    Tensor column = tensor.permute(1, 0).narrow(0, 2, 3);
    assertThat(column.shape()).isEqualTo(Shape.of(1, 3));
    assertThat(column.getDouble(0, 2)).isEqualTo(10);
    tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, 10, -1);
    assertThat(column.getDouble(0, 2)).isEqualTo(-1);
  }

  @Test
  void onlyARowMajorTensorHasItsBytesInOneRun() {
    Tensor tensor = counting(3, 4);
    assertThat(tensor.narrow(0, 1, 3).data().byteSize()).isEqualTo(32);
    Tensor columns = tensor.narrow(1, 1, 3);
    assertThatThrownBy(columns::data).isInstanceOf(TensorException.class);
    assertThatThrownBy(() -> columns.reshape(Shape.of(6))).isInstanceOf(TensorException.class);
    assertThat(tensor.reshape(Shape.of(2, 6)).getDouble(1, 5)).isEqualTo(11);
  }

  @Test
  void aTensorThatDoesNotFitItsMemoryIsRefused() {
    MemorySegment segment = MemorySegment.ofArray(new byte[15]);
    assertThatThrownBy(() -> Tensor.of(segment, DType.F32, Shape.of(4)))
        .isInstanceOf(ProtocolException.class);
  }

  @Test
  void smallFloatsHaveTheValuesOfTheirSpecification() {
    // OCP FP8 1.0: largest finite, smallest subnormal, NaN; E5M2 also infinity
    Tensor e4m3 = bytes(DType.F8_E4M3, 0x7e, 0x01, 0x7f, 0xb8);
    assertThat(e4m3.getDouble(0)).isEqualTo(448);
    assertThat(e4m3.getDouble(1)).isEqualTo(0x1p-9);
    assertThat(e4m3.getDouble(2)).isNaN();
    assertThat(e4m3.getDouble(3)).isEqualTo(-1);
    Tensor e5m2 = bytes(DType.F8_E5M2, 0x7b, 0x01, 0x7c);
    assertThat(e5m2.getDouble(0)).isEqualTo(57344);
    assertThat(e5m2.getDouble(1)).isEqualTo(0x1p-16);
    assertThat(e5m2.getDouble(2)).isEqualTo(Double.POSITIVE_INFINITY);
    assertThat(bytes(DType.BF16, 0x80, 0xbf).getDouble(0)).isEqualTo(-1);
    assertThat(bytes(DType.U64, 255, 255, 255, 255, 255, 255, 255, 255).getDouble(0))
        .isEqualTo(0x1p64);
  }

  @Test
  void everyDtypeIsFoundByItsCodeAndItsNames() {
    for (DType dtype : DType.values()) {
      assertThat(DType.ofCode(dtype.code())).isEqualTo(dtype);
      assertThat(DType.ofName(dtype.numpyName())).isEqualTo(dtype);
      assertThat(DType.ofName(dtype.name())).isEqualTo(dtype);
    }
    assertThatThrownBy(() -> DType.ofCode(18)).hasMessageContaining("18");
    assertThatThrownBy(() -> DType.ofName("float33")).hasMessageContaining("float33");
  }
}
