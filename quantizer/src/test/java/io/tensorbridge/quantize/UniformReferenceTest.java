package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The bits of the NumPy reference in {@code docs/uniform.md}; see {@code generate.py}. */
class UniformReferenceTest {
  /** One case of {@code vectors.bin}. */
  record Case(UniformScheme scheme, Shape shape, MemorySegment input, List<MemorySegment> parts) {
    @Override
    public String toString() {
      return scheme + " of " + shape;
    }
  }

  static Stream<Case> cases() {
    byte[] file = Golden.resource("/uniform/vectors.bin");
    List<Case> cases = new ArrayList<>();
    int at = 0;
    while (at < file.length) {
      int end = at;
      while (file[end] != '\n') {
        end++;
      }
      String[] head = new String(file, at, end - at, StandardCharsets.US_ASCII).split(" ");
      String text = "uniform:bits=" + head[0] + ",group=" + head[1] + ",sym=" + head[2];
      QuantScheme scheme = QuantScheme.parse(text);
      Shape shape = Shape.of(Long.parseLong(head[3]), Long.parseLong(head[4]));
      at = end + 1;
      MemorySegment whole = MemorySegment.ofArray(file);
      MemorySegment input = whole.asSlice(at, 4 * shape.elementCount());
      at += (int) input.byteSize();
      List<MemorySegment> parts = new ArrayList<>();
      for (var part : scheme.parts(shape)) {
        parts.add(whole.asSlice(at, part.type().byteLength()));
        at += (int) part.type().byteLength();
      }
      cases.add(new Case((UniformScheme) scheme, shape, input, parts));
    }
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void quantizesToTheBitsOfNumpy(Case golden) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment input = arena.allocate(golden.input.byteSize()).copyFrom(golden.input);
      Tensor tensor = Tensor.of(input, DType.F32, golden.shape);
      try (QuantizedTensor q = Quantizer.of(golden.scheme).quantize(tensor)) {
        for (int i = 0; i < golden.parts.size(); i++) {
          assertThat(q.parts().get(i).data().toArray(ValueLayout.JAVA_BYTE))
              .as("part %d", i)
              .isEqualTo(golden.parts.get(i).toArray(ValueLayout.JAVA_BYTE));
        }
      }
    }
  }

  /** One case of {@code variants.bin}; without a vector beside the tensor, {@code side} is empty. */
  record Variant(
      QuantScheme scheme,
      Shape shape,
      MemorySegment input,
      MemorySegment side,
      List<MemorySegment> parts,
      MemorySegment values) {
    @Override
    public String toString() {
      return scheme + " of " + shape + (side.byteSize() == 0 ? "" : " with a vector");
    }
  }

  static Stream<Variant> variants() {
    byte[] bytes = Golden.resource("/uniform/variants.bin");
    MemorySegment file = MemorySegment.ofArray(bytes);
    List<Variant> variants = new ArrayList<>();
    int at = 0;
    while (at < bytes.length) {
      int end = at;
      while (bytes[end] != '\n') {
        end++;
      }
      String[] head = new String(bytes, at, end - at, StandardCharsets.US_ASCII).split(" ");
      QuantScheme scheme = QuantScheme.parse(head[0]);
      Shape shape = Shape.of(Long.parseLong(head[1]), Long.parseLong(head[2]));
      List<Long> lengths = new ArrayList<>();
      lengths.add(4 * shape.elementCount());
      lengths.add(4 * Long.parseLong(head[3]));
      scheme.parts(shape).forEach(part -> lengths.add(part.type().byteLength()));
      lengths.add(4 * shape.elementCount());
      List<MemorySegment> pieces = new ArrayList<>();
      long next = end + 1L;
      for (long length : lengths) {
        pieces.add(file.asSlice(next, length));
        next += length;
      }
      at = (int) next;
      variants.add(
          new Variant(
              scheme,
              shape,
              pieces.get(0),
              pieces.get(1),
              pieces.subList(2, pieces.size() - 1),
              pieces.getLast()));
    }
    return variants.stream();
  }

  @ParameterizedTest
  @MethodSource("variants")
  void variantsGiveTheBitsOfNumpy(Variant golden) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment input = arena.allocate(golden.input.byteSize()).copyFrom(golden.input);
      Tensor tensor = Tensor.of(input, DType.F32, golden.shape);
      Quantizer quantizer = Quantizer.of(golden.scheme);
      long count = golden.side.byteSize() / 4;
      if (count > 0) {
        MemorySegment side = arena.allocate(4 * count).copyFrom(golden.side);
        quantizer = quantizer.withImportance(Tensor.of(side, DType.F32, Shape.of(count)));
      }
      try (QuantizedTensor q = quantizer.quantize(tensor)) {
        for (int i = 0; i < golden.parts.size(); i++) {
          assertThat(q.parts().get(i).data().toArray(ValueLayout.JAVA_BYTE))
              .as("part %d", i)
              .isEqualTo(golden.parts.get(i).toArray(ValueLayout.JAVA_BYTE));
        }
        assertThat(q.dequantize().data().toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(golden.values.toArray(ValueLayout.JAVA_BYTE));
      }
    }
  }

  @Test
  void coversBothVariantsWithAndWithoutAVector() {
    assertThat(variants().map(golden -> golden.scheme.getClass().getSimpleName()
        + (golden.side.byteSize() > 0)).distinct())
        .containsExactlyInAnyOrder(
            "UniformTimeSchemefalse", "UniformTimeSchemetrue", "UniformSpatialSchemefalse",
            "UniformSpatialSchemetrue");
  }

  @Test
  void coversEveryKindOfGroup() {
    assertThat(cases().map(golden -> golden.scheme.group()).distinct())
        .containsExactlyInAnyOrder(UniformScheme.Group.values());
  }

  @Test
  void givesAConstantBackExactly() {
    for (float constant : new float[]{0f, -0f, 1e30f, -Float.MIN_VALUE, 0.1f, -0x1p127f, 1e-40f}) {
      for (int bits : new int[]{2, 4, 8}) {
        float[] values = new float[100];
        Arrays.fill(values, constant);
        Tensor tensor = Tensor.of(MemorySegment.ofArray(values), DType.F32, Shape.of(100));
        QuantScheme scheme = QuantScheme.parse("uniform:bits=" + bits);
        try (QuantizedTensor q = Quantizer.of(scheme).quantize(tensor)) {
          assertThat(q.dequantize().data().toArray(ValueLayout.JAVA_FLOAT))
              .usingComparatorWithPrecision(0f)
              .containsOnly(constant + 0f);
        }
      }
    }
  }
}
