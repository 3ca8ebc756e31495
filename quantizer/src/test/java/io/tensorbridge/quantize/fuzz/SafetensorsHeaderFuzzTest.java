package io.tensorbridge.quantize.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** As {@link SafetensorsFuzzTest}, with a length field and as many bytes of data as will fit. */
@Tag("fuzz")
final class SafetensorsHeaderFuzzTest {
  private static final Path FILE = FuzzedFile.place("fuzzed.safetensors");
  private static final int MOST_DATA = 1 << 16;

  static Stream<Arguments> seeds() {
    return Stream.of(
        seed("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16),
        seed(
            "{\"__metadata__\":{\"tensorbridge.scheme.a\":\"uniform:bits=4\","
                + "\"tensorbridge.shape.a\":\"4,8\"},"
                + "\"a\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]},"
                + "\"a.scales\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]},"
                + "\"a.zero_points\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[20,24]}}",
            24),
        seed(
            "{\"a.SCB\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                + "\"a.weight\":{\"dtype\":\"I8\",\"shape\":[2,8],\"data_offsets\":[8,24]}}",
            24),
        seed(
            "{\"a.qweight\":{\"dtype\":\"I32\",\"shape\":[1,8],\"data_offsets\":[0,32]},"
                + "\"a.qzeros\":{\"dtype\":\"I32\",\"shape\":[1,1],\"data_offsets\":[32,36]},"
                + "\"a.scales\":{\"dtype\":\"F16\",\"shape\":[1,8],\"data_offsets\":[36,52]}}",
            52),
        seed(
            "{\"weight_packed\":{\"dtype\":\"I32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                + "\"weight_scale\":{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[8,12]},"
                + "\"weight_shape\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[12,20]}}",
            20));
  }

  private static Arguments seed(String json, int dataBytes) {
    return Arguments.of(json.getBytes(StandardCharsets.US_ASCII), dataBytes);
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "10m")
  void opensOrRefuses(byte[] json, int dataBytes) {
    byte[] header = json == null ? new byte[0] : json;
    int data = Math.floorMod(dataBytes, MOST_DATA);
    ByteBuffer file = ByteBuffer.allocate(Long.BYTES + header.length + data);
    file.order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).put(header);
    while (file.hasRemaining()) {
      file.put((byte) file.position());
    }
    FuzzedFile.exercise(FILE, file.array());
  }
}
