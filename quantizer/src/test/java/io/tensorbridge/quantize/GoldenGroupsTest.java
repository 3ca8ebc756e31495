package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The bytes of bitsandbytes, torchao, compressed-tensors, optimum-quanto and onnxruntime, and what
 * they make of them again; {@code golden-groups/generate.py} wrote the files.
 */
class GoldenGroupsTest {
  private static final int DIGEST_BYTES = 32;

  @ParameterizedTest
  @ValueSource(
      strings = {
          "nf4:block=64", "nf4:block=32,double=true", "fp4:block=64", "fp4:block=32,double=true",
          "int8:rule=bnb", "int8:rule=torchao", "int8:rule=compressed-tensors", "int8:rule=quanto",
          "int4:bits=4,group=32,sym=false", "int4:bits=4,group=32,sym=true",
          "int4:bits=8,group=128,sym=false", "int4:bits=8,group=128,sym=true"
      })
  void writesAndReadsTheBytesOfItsReference(String scheme) throws NoSuchAlgorithmException {
    writesAndReads(scheme, 250);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
          "int4:layout=compressed-tensors,bits=4,group=128,sym=false",
          "int4:layout=compressed-tensors,bits=4,group=128,sym=true"
      })
  void writesAndReadsRowsOfWholeGroups(String scheme) throws NoSuchAlgorithmException {
    writesAndReads(scheme, 256);
  }

  private static void writesAndReads(String scheme, int columns) throws NoSuchAlgorithmException {
    byte[] golden = Golden.resource("/golden-groups/" + fileName(scheme));
    int stored = golden.length - DIGEST_BYTES;
    try (Arena arena = Arena.ofConfined()) {
      Tensor tensor = input(arena, columns);
      Quantizer quantizer = Quantizer.of(QuantScheme.parse(scheme)).withThreads(1);
      try (QuantizedTensor q = quantizer.quantize(tensor)) {
        ByteArrayOutputStream parts = new ByteArrayOutputStream();
        q.parts().forEach(part -> parts.writeBytes(part.data().toArray(JAVA_BYTE)));
        assertThat(parts.toByteArray()).isEqualTo(Arrays.copyOf(golden, stored));
        assertThat(digest(q.dequantize().data()))
            .isEqualTo(Arrays.copyOfRange(golden, stored, golden.length));
      }
    }
  }

  private static String fileName(String scheme) {
    return scheme.replace(':', '-').replace('=', '-').replace(',', '_') + ".bin";
  }

  private static Tensor input(Arena arena, int columns) {
    MemorySegment whole = Golden.input(arena);
    MemorySegment cut = arena.allocate(4L * Golden.ROWS * columns, 64);
    for (int row = 0; row < Golden.ROWS; row++) {
      long from = 4L * row * Golden.COLUMNS;
      MemorySegment.copy(whole, from, cut, 4L * row * columns, 4L * columns);
    }
    return Tensor.of(cut, DType.F32, Shape.of(Golden.ROWS, columns));
  }

  /** Of the values with all zeros positive, since libraries disagree about their sign. */
  private static byte[] digest(MemorySegment values) throws NoSuchAlgorithmException {
    byte[] bytes = new byte[Math.toIntExact(values.byteSize())];
    MemorySegment copy = MemorySegment.ofArray(bytes);
    for (int i = 0; i < bytes.length / 4; i++) {
      copy.set(
          JAVA_FLOAT.withByteAlignment(1), 4L * i, values.getAtIndex(JAVA_FLOAT, i) + 0f);
    }
    return MessageDigest.getInstance("SHA-256").digest(bytes);
  }
}
