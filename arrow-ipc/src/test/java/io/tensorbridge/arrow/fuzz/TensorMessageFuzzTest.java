package io.tensorbridge.arrow.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.tensorbridge.Backing;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.arrow.TensorMessage;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Messages of tensors of any bytes are read, or refused by a FormatException. */
@Tag("fuzz")
final class TensorMessageFuzzTest {
  static Stream<Arguments> seeds() {
    return FuzzedArrow.files("golden-layouts").stream()
        .map(file -> Arguments.of((Object) FuzzedArrow.bytes(file)));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "10m")
  void opensOrRefuses(byte[] bytes) {
    byte[] message = bytes == null ? new byte[0] : bytes;
    try {
      Tensor tensor =
          TensorMessage.read(MemorySegment.ofArray(message), Backing.PRIVATE).tensor();
      if (tensor.byteLength() > 0) {
        long[] last = tensor.shape().dimensions();
        for (int i = 0; i < last.length; i++) {
          last[i]--;
        }
        tensor.getDouble(last);
      }
    } catch (FormatException refused) {
      FuzzedArrow.requireFacts(refused, message.length);
    }
  }
}
