package io.tensorbridge.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes of torch, torchao and compressed-tensors; see {@code microscaling/generate.py}. */
class MicroscalingReferenceTest {
  /** One case of {@code vectors.bin}. */
  record Case(
      QuantScheme scheme, Shape shape, MemorySegment input, List<MemorySegment> parts,
      String hash) {
    @Override
    public String toString() {
      return scheme + " of " + shape;
    }
  }

  static Stream<Case> cases() {
    ByteBuffer file =
        ByteBuffer.wrap(Golden.resource("/microscaling/vectors.bin"))
            .order(ByteOrder.LITTLE_ENDIAN);
    String[] size = line(file);
    int rowBytes = 4 * Integer.parseInt(size[1]);
    byte[] rows = bytes(file, Integer.parseInt(size[0]) * rowBytes);
    List<Case> cases = new ArrayList<>();
    while (file.hasRemaining()) {
      String[] head = line(file);
      int first = Integer.parseInt(head[1]);
      int count = Integer.parseInt(head[2]) - first;
      int repeat = Integer.parseInt(head[3]);
      byte[] input = new byte[repeat * rowBytes];
      for (int row = 0; row < repeat; row++) {
        int from = (first + row % count) * rowBytes;
        System.arraycopy(rows, from, input, row * rowBytes, rowBytes);
      }
      List<MemorySegment> parts = new ArrayList<>();
      for (int part = 0; part < Integer.parseInt(head[4]); part++) {
        parts.add(MemorySegment.ofArray(bytes(file, file.getInt())));
      }
      Shape shape = Shape.of(repeat, rowBytes / 4);
      cases.add(
          new Case(
              QuantScheme.parse(head[0]),
              shape,
              MemorySegment.ofArray(input),
              parts,
              HexFormat.of().formatHex(bytes(file, 32))));
    }
    return cases.stream();
  }

  private static String[] line(ByteBuffer file) {
    StringBuilder text = new StringBuilder();
    for (int next = file.get(); next != '\n'; next = file.get()) {
      text.append((char) next);
    }
    return text.toString().split(" ");
  }

  private static byte[] bytes(ByteBuffer file, int count) {
    byte[] bytes = new byte[count];
    file.get(bytes);
    return bytes;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void quantizesToTheBytesOfTheReferenceAndBack(Case golden) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment input = arena.allocate(golden.input.byteSize(), 4);
      input.copyFrom(golden.input);
      Tensor tensor = Tensor.of(input, DType.F32, golden.shape);
      try (QuantizedTensor q = Quantizer.of(golden.scheme).quantize(tensor)) {
        assertThat(q.parts()).hasSameSizeAs(golden.parts);
        for (int i = 0; i < golden.parts.size(); i++) {
          assertThat(q.parts().get(i).data().toArray(ValueLayout.JAVA_BYTE))
              .as("part %d", i)
              .isEqualTo(golden.parts.get(i).toArray(ValueLayout.JAVA_BYTE));
        }
        byte[] values = q.dequantize().data().toArray(ValueLayout.JAVA_BYTE);
        assertThat(Golden.hashOf(values)).as("values").isEqualTo(golden.hash);
      }
    }
  }

  @Test
  void coversEveryVariant() {
    assertThat(cases().map(golden -> golden.scheme.toString()).distinct()).hasSize(22);
  }
}
