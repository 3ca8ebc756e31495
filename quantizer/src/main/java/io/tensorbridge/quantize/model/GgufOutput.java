package io.tensorbridge.quantize.model;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Collects the fields of a GGUF header. */
final class GgufOutput {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 16);

  void writeNumber(long value, int byteCount) {
    for (int i = 0; i < byteCount; i++) {
      bytes.write((int) (value >>> (8 * i)));
    }
  }

  void writeU32(long value) {
    writeNumber(value, Integer.BYTES);
  }

  void writeI64(long value) {
    writeNumber(value, Long.BYTES);
  }

  void writeString(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    writeI64(utf8.length);
    bytes.writeBytes(utf8);
  }

  void writeTyped(GgufValue value) {
    writeU32(value.type().number());
    writeValue(value);
  }

  private void writeValue(GgufValue value) {
    switch (value) {
      case GgufValue.Whole(GgufValueType type, long number) ->
          writeNumber(number, type.leastBytes());
      case GgufValue.Real(GgufValueType type, double number) -> {
        if (type == GgufValueType.F32) {
          writeU32(Float.floatToRawIntBits((float) number));
        } else {
          writeI64(Double.doubleToRawLongBits(number));
        }
      }
      case GgufValue.Bool(boolean truth) -> bytes.write(truth ? 1 : 0);
      case GgufValue.Text(String text) -> writeString(text);
      case GgufValue.Array array -> {
        writeU32(array.elementType().number());
        writeI64(array.elements().size());
        array.elements().forEach(this::writeValue);
      }
    }
  }

  void padTo(long alignment) {
    while (bytes.size() % alignment != 0) {
      bytes.write(0);
    }
  }

  byte[] toByteArray() {
    return bytes.toByteArray();
  }
}
