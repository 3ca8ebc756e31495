package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.WorkerPool;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantizationTest {
  private static final List<String> ALL =
      List.of(
          "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "mxfp4", "nvfp4", "f32", "f16", "bf16",
          "uniform", "uniform:bits=2,group=row", "uniform:bits=8,sym=true", "uniform:group=32",
          "uniform:bits=2,group=128,sym=true", "int8", "int8:rule=torchao",
          "int8:rule=compressed-tensors", "int8:rule=quanto", "fp8_e4m3", "fp8_e5m2",
          "fp8_e4m3:scale=tensor", "fp8_e4m3:scale=row", "fp8_e4m3:scale=block",
          "fp8_e5m2:scale=tensor", "fp8_e5m2:scale=row", "fp8_e5m2:scale=block", "mxfp8",
          "mxfp8:element=e5m2,rounding=even", "mxfp8:rounding=rceil", "mxint8",
          "mxfp4:layout=ocp", "mxfp4:layout=ocp,rounding=ceil", "nvfp4:layout=two-level",
          "uniform:time=10", "uniform:bits=8,time=7,sym=true", "uniform:group=128,spatial=true",
          "uniform:bits=8,spatial=true,sym=true", "hqq",
          "hqq:bits=8,group=32", "hqq:bits=2,group=32");

  static List<String> schemes() {
    return ALL;
  }

  private static float[] gaussian(int count) {
    Random random = new Random(count);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static Tensor tensor(Arena arena, float[] values, long... shape) {
    MemorySegment segment = arena.allocate(values.length * 4L + 1);
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT_UNALIGNED, 1, values.length);
    TensorType type = new TensorType(DType.F32, Shape.of(shape));
    return Tensor.of(segment, TensorLayout.rowMajor(type).at(1), Backing.PRIVATE);
  }

  /** All parts, one after another. */
  private static byte[] quantize(Quantizer quantizer, Tensor tensor) {
    try (QuantizedTensor q = quantizer.quantize(tensor)) {
      return bytes(q.parts().stream().map(Tensor::data).toList());
    }
  }

  private static byte[] bytes(List<MemorySegment> parts) {
    byte[] all = new byte[(int) parts.stream().mapToLong(MemorySegment::byteSize).sum()];
    int at = 0;
    for (MemorySegment part : parts) {
      byte[] bytes = part.toArray(ValueLayout.JAVA_BYTE);
      System.arraycopy(bytes, 0, all, at, bytes.length);
      at += bytes.length;
    }
    return all;
  }

  private static Quantizer quantizer(String scheme) {
    return Quantizer.of(QuantScheme.parse(scheme)).withThreads(1);
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void anyNumberOfThreadsGivesTheSameBytes(String scheme) {
    float[] values = gaussian(1_500 * 1_280);
    try (Arena arena = Arena.ofShared();
        WorkerPool pool = new WorkerPool(3, "test")) {
      Tensor tensor = tensor(arena, values, 1_500, 1_280);
      byte[] alone = quantize(quantizer(scheme), tensor);
      for (int threads : new int[]{2, 3, 8}) {
        assertThat(quantize(quantizer(scheme).withThreads(threads), tensor)).isEqualTo(alone);
      }
      assertThat(quantize(quantizer(scheme).withPool(pool), tensor)).isEqualTo(alone);
    }
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void piecesForASinkAreTheWholeParts(String scheme) {
    float[] values = gaussian(301 * 1_280);
    try (Arena arena = Arena.ofShared()) {
      Tensor tensor = tensor(arena, values, 301, 1_280);
      Quantization quantization =
          Quantization.of(QuantScheme.parse(scheme), tensor.type(), NonFinite.ERROR);
      List<MemorySegment> parts = new ArrayList<>();
      quantization
          .parts()
          .forEach(
              part -> parts.add(MemorySegment.ofArray(new byte[(int) part.type().byteLength()])));
      OpRun run =
          quantization.bind(
              tensor,
              (part, byteOffset, bytes) -> MemorySegment.copy(bytes, 0, parts.get(part), byteOffset,
                  bytes.byteSize()));
      for (int phase = 0; phase < run.phaseCount(); phase++) {
        for (int chunk = run.chunkCount(phase) - 1; chunk >= 0; chunk--) {
          run.runChunk(phase, chunk);
        }
      }
      assertThat(bytes(parts)).isEqualTo(quantize(quantizer(scheme), tensor));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"uniform:bits=2,group=row", "uniform:group=32", "uniform:bits=2",
      "uniform:bits=4,group=256", "uniform:bits=8,group=row"})
  void rowsOfAnyLengthGiveTheSameBytesAloneAndTogether(String scheme) {
    for (int columns : new int[]{1, 3, 31, 33, 127, 130, 1_023, 20_001, 70_001, 140_003}) {
      int rows = Math.max(2, 200_000 / columns);
      rows -= rows % 2;
      float[] values = gaussian(rows * columns);
      try (Arena arena = Arena.ofShared()) {
        Tensor tensor = tensor(arena, values, rows, columns);
        float[] whole = decoded(scheme, tensor);
        float[] first = decoded(scheme, tensor.narrow(0, 0, 1));
        if (!scheme.equals("uniform:bits=2")) {
          assertThat(Arrays.copyOf(whole, columns)).isEqualTo(first);
        }
        assertThat(quantize(quantizer(scheme).withThreads(3), tensor))
            .isEqualTo(quantize(quantizer(scheme), tensor));
        assertThat(whole).hasSize(rows * columns);
      }
    }
  }

  private static float[] decoded(String scheme, Tensor tensor) {
    try (QuantizedTensor q = quantizer(scheme).quantize(tensor)) {
      return q.dequantize().data().toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void dequantizingComesCloseToTheInput(String scheme) {
    float[] values = gaussian(97 * 1_280);
    double limit = switch (scheme) {
      case String two when two.contains("bits=2") -> 2.5;
      case String four when four.contains("fp4") -> 1; // half a step from 4 to 6
      case "f32" -> 0;
      default -> 0.7;
    };
    try (Arena arena = Arena.ofShared()) {
      float[] decoded = decoded(scheme, tensor(arena, values, 97, 1_280));
      double greatest = 0;
      for (int i = 0; i < values.length; i++) {
        greatest = Math.max(greatest, Math.abs(decoded[i] - values[i]));
      }
      assertThat(greatest).isLessThanOrEqualTo(limit);
    }
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void stridesBackingAndHeapDoNotChangeTheBytes(String scheme) {
    float[] values = gaussian(64 * 256);
    try (Arena arena = Arena.ofShared()) {
      Tensor plain = tensor(arena, values, 64, 256);
      final byte[] expected = quantize(quantizer(scheme), plain);
      float[] transposed = new float[values.length];
      for (int row = 0; row < 64; row++) {
        for (int column = 0; column < 256; column++) {
          transposed[column * 64 + row] = values[row * 256 + column];
        }
      }
      Tensor columnMajor = tensor(arena, transposed, 256, 64).permute(1, 0);
      Tensor heap = Tensor.of(MemorySegment.ofArray(values), DType.F32, Shape.of(64, 256));
      Tensor file = Tensor.of(plain.segment(), plain.layout(), Backing.FILE);
      Tensor stridedFile =
          Tensor.of(columnMajor.segment(), columnMajor.layout(), Backing.FILE);
      assertThat(quantize(quantizer(scheme), columnMajor)).isEqualTo(expected);
      assertThat(quantize(quantizer(scheme), heap)).isEqualTo(expected);
      assertThat(quantize(quantizer(scheme), file)).isEqualTo(expected);
      assertThat(quantize(quantizer(scheme), stridedFile)).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F16", "BF16", "F64", "F8_E4M3", "F8_E5M2"})
  void otherFloatsGiveTheBytesOfTheirFloat32(String name) {
    DType dtype = DType.valueOf(name);
    int count = 50 * 256;
    float[] values = gaussian(count);
    MemorySegment stored =
        MemorySegment.ofArray(new long[(count * dtype.byteSize() + 7) / 8]);
    for (int i = 0; i < count; i++) {
      switch (dtype) {
        case F16 -> {
          short half = Float.floatToFloat16(values[i]);
          stored.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, half);
          values[i] = Float.float16ToFloat(half);
        }
        case BF16 -> {
          int bits = Float.floatToIntBits(values[i]) & 0xffff0000;
          stored.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, (short) (bits >> 16));
          values[i] = Float.intBitsToFloat(bits);
        }
        case F8_E4M3 -> {
          int code = i % 0x7f;
          stored.set(ValueLayout.JAVA_BYTE, i, (byte) (code | i % 2 << 7));
          float value =
              code < 8 ? code * 0x1p-9f : Math.scalb(8f + (code & 7), (code >> 3) - 10);
          values[i] = i % 2 == 0 ? value : -value;
        }
        case F8_E5M2 -> {
          int half = Float.floatToFloat16(values[i]) & 0xff00;
          stored.set(ValueLayout.JAVA_BYTE, i, (byte) (half >> 8));
          values[i] = Float.float16ToFloat((short) half);
        }
        default -> {
          double wide = values[i] * 1.000000001;
          stored.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8L * i, wide);
          values[i] = (float) wide;
        }
      }
    }
    try (Arena arena = Arena.ofShared()) {
      for (String scheme : ALL) {
        byte[] expected = quantize(quantizer(scheme), tensor(arena, values, 50, 256));
        Tensor other = Tensor.of(stored, dtype, Shape.of(50, 256));
        assertThat(quantize(quantizer(scheme), other)).as(scheme).isEqualTo(expected);
        Tensor strided = other.permute(1, 0).permute(1, 0);
        assertThat(quantize(quantizer(scheme), strided)).as(scheme).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void theFirstValueThatIsNotFiniteIsNamed(String scheme) {
    float[] values = gaussian(1_000 * 1_280);
    values[777_777] = Float.NEGATIVE_INFINITY;
    values[777_778] = Float.NaN;
    values[1_000_000] = Float.NaN;
    try (Arena arena = Arena.ofShared()) {
      Tensor tensor = tensor(arena, values, 1_000, 1_280);
      for (int threads = 1; threads <= 3; threads++) {
        Quantizer quantizer = quantizer(scheme).withThreads(threads);
        assertThatThrownBy(() -> quantizer.quantize("conv.weight", tensor))
            .isInstanceOfSatisfying(
                TensorException.class,
                failure -> {
                  assertThat(failure.code()).isEqualTo(ErrorCode.NON_FINITE);
                  assertThat(failure.elementIndex()).isEqualTo(777_777);
                })
            .hasMessage(
                "tensor \"conv.weight\": element 777777 is infinite; repair the tensor, or"
                    + " quantize with nonfinite=clip");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void clippingReplacesNanByZeroAndInfinityByTheGreatestOfItsGroup(String scheme) {
    QuantScheme parsed = QuantScheme.parse(scheme);
    int columns = 140_032;
    float[] values = gaussian(columns);
    values[70_000] = Float.NaN;
    values[70_001] = Float.POSITIVE_INFINITY;
    values[70_002] = Float.NEGATIVE_INFINITY;
    int group = switch (parsed) {
      case FloatScheme _ -> 1;
      case BlockScheme block -> block.blockElements();
      case HqqScheme hqq -> hqq.group();
      case GroupScheme grouped -> {
        GroupCoding coding = GroupCoding.of(grouped, Shape.of(columns));
        yield coding.tensorPart() < 0 ? coding.groupElements() : columns;
      }
      case UniformScheme uniform ->
          (int) Math.min(columns, GroupGrid.of(uniform.group(), Shape.of(columns)).groupElements());
      case UniformTimeScheme _ -> columns;
      case UniformSpatialScheme _ -> 1; // of its column
    };
    float limit = 0;
    int start = 70_000 / group * group;
    for (int i = start; i < Math.min(columns, start + group); i++) {
      limit = Float.isFinite(values[i]) ? Math.max(limit, Math.abs(values[i])) : limit;
    }
    if (parsed instanceof FloatScheme plain) {
      limit = plain.maxValue();
    }
    float[] repaired = values.clone();
    repaired[70_000] = 0;
    repaired[70_001] = limit;
    repaired[70_002] = -limit;
    try (Arena arena = Arena.ofShared()) {
      Quantizer quantizer = quantizer(scheme).withNonFinite(NonFinite.CLIP);
      assertThat(quantize(quantizer, tensor(arena, values, columns)))
          .isEqualTo(quantize(quantizer, tensor(arena, repaired, columns)));
    }
  }

  @Test
  void aDoubleBeyondFloat32CountsAsInfinite() {
    double[] values = {1, 2, 1e39};
    Tensor tensor = Tensor.of(MemorySegment.ofArray(values), DType.F64, Shape.of(3));
    assertThatThrownBy(() -> quantizer("uniform").quantize(tensor))
        .hasMessageContaining("element 2 is infinite as float32");
  }

  @ParameterizedTest
  @ValueSource(strings = {"I32", "BOOL", "C64", "U8", "I8"})
  void dtypesWithoutAPlainFloatValueAreRefused(String dtype) {
    TensorType type = new TensorType(DType.valueOf(dtype), Shape.of(32));
    assertThatThrownBy(() -> Quantization.of(BlockScheme.Q8_0, type, NonFinite.ERROR))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining(
            "can't be quantized; float32, float16, bfloat16, float64 and float8 can: ")
        .extracting(failure -> ((TensorException) failure).code())
        .isEqualTo(ErrorCode.UNSUPPORTED_DTYPE);
  }

  @ParameterizedTest
  @MethodSource("schemes")
  void emptyTensorsAndScalarsWork(String scheme) {
    Tensor empty = Tensor.of(MemorySegment.ofArray(new float[0]), DType.F32, Shape.of(3, 0));
    assertThat(quantize(quantizer(scheme), empty)).isEmpty();
    assertThat(decoded(scheme, empty)).isEmpty();
    if (QuantScheme.parse(scheme).blockElements() == 1) {
      Tensor scalar = Tensor.of(MemorySegment.ofArray(new float[]{2}), DType.F32, Shape.of());
      assertThat(decoded(scheme, scalar)).containsExactly(new float[]{2}, within(0.02f));
    }
  }

  @Test
  void aTruncatedFileIsAFailureNotACrash(@TempDir Path folder) throws IOException {
    Path path = folder.resolve("weights");
    try (Arena arena = Arena.ofShared();
        FileChannel file =
            FileChannel.open(
                path,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      MemorySegment mapped = file.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20, arena);
      Tensor tensor =
          Tensor.of(
              mapped,
              TensorLayout.rowMajor(new TensorType(DType.F32, Shape.of(1 << 18))),
              Backing.FILE);
      file.truncate(4096);
      assertThatThrownBy(() -> quantizer("q8_0").quantize(tensor))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("it was truncated since it was opened");
    }
  }

  @Test
  void aClosedTensorRefusesToDequantize() {
    Tensor tensor = Tensor.of(MemorySegment.ofArray(new float[32]), DType.F32, Shape.of(32));
    QuantizedTensor q = quantizer("q8_0").quantize(tensor);
    MemorySegment data = q.data().segment();
    q.close();
    q.close();
    assertThat(data.scope().isAlive()).isFalse();
    assertThatThrownBy(q::dequantize).isInstanceOf(BridgeClosedException.class);
  }
}
