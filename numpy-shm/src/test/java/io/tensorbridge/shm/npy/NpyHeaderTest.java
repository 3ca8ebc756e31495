package io.tensorbridge.shm.npy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.shm.file.ByteSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpyHeaderTest {
  private static final String GOOD =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";

  @ParameterizedTest
  @ValueSource(
      strings = {
          GOOD,
          "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
          "{'shape':(2,3,),'descr':'<f4','fortran_order':False}   \n",
          "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (2L, 3L)}\n",
          " { 'descr' : '=f4' , 'fortran_order' : False ,\n 'shape' : ( 2 , 3 ) , } \t\r\n"
      })
  void everyWayToWriteItIsRead(String text) {
    NpyHeader header = read(text);
    assertThat(header.type()).isEqualTo(new TensorType(DType.F32, Shape.of(2, 3)));
    assertThat(header.byteOrder()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
    assertThat(header.fortranOrder()).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      textBlock = """
          {'descr': '<f4', 'fortran_order': False}                                   ~ has the keys
          {}                                                                         ~ has the keys
          {'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}              ~ no other key
          {'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}      ~ each key comes once
          {'descr': '<f4', 'fortran_order': 0, 'shape': ()}                          ~ True or False
          {'descr': '<f4', 'fortran_order': false, 'shape': ()}                      ~ True or False
          {'descr': '<f4', 'fortran_order': False, 'shape': 3}                       ~ '(' stands here
          {'descr': '<f4', 'fortran_order': False, 'shape': (3)}                     ~ such as (3,)
          {'descr': '<f4', 'fortran_order': False, 'shape': [3]}                     ~ '(' stands here
          {'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}                   ~ decimal number
          {'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}                  ~ a comma stands
          {'descr': '<f4', 'fortran_order': False, 'shape': (0x10,)}                 ~ a comma stands
          {'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}                   ~ a comma stands
          {'descr': '<f4', 'fortran_order': False, 'shape': (,)}                     ~ decimal number
          {'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}  ~ decimal number
          {'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)} ~ decimal number
          {'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,)}  ~ 2^63 bytes
          {'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}~ 2^63 bytes
          {'descr': '<f4', 'fortran_order': False, 'shape': (1000000,)}              ~ all elements
          {'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + open('x')        ~ nothing follows
          {'descr': __import__('os').system('x'), 'fortran_order': False}            ~ string in quotes
          {'descr': '<f\\x34', 'fortran_order': False, 'shape': ()}                  ~ string in quotes
          {'descr': '<f4, 'fortran_order': False, 'shape': ()}                       ~ stands here
          {'descr': [('x', '<f4')], 'fortran_order': False, 'shape': ()}             ~ structured
          {'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': ()}              ~ structured
          {'descr': 'f4', 'fortran_order': False, 'shape': ()}                       ~ is like
          {'descr': '<f5', 'fortran_order': False, 'shape': ()}                      ~ tensors can have
          {'descr': '|f4', 'fortran_order': False, 'shape': ()}                      ~ tensors can have
          {'descr': '', 'fortran_order': False, 'shape': ()}                         ~ is like
          {'descr' '<f4', 'fortran_order': False, 'shape': ()}                       ~ ':' stands here
          {'descr': '<f4' 'fortran_order': False, 'shape': ()}                       ~ '}' stands here
          {'descr': '<f4', 'fortran_order': False, 'shape': (                        ~ decimal number
          {'descr': '<f4',, 'fortran_order': False, 'shape': ()}                     ~ string in quotes
          None                                                                       ~ '{' stands here
          """,
      quoteCharacter = '`')
  void brokenRulesAreNamedWithTheirByte(String text, String rule) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOfSatisfying(
            FormatException.class,
            e -> {
              assertThat(e.rule()).contains(rule);
              assertThat(e.byteOffset()).isBetween(10L, 10L + text.length());
            })
        .hasMessageContaining("golden.npy, byte ");
  }

  @Test
  void theRankHasALimit() {
    assertThat(read(shaped("1,".repeat(64))).type().shape().rank()).isEqualTo(64);
    assertThatThrownBy(() -> read(shaped("1,".repeat(65)))).isInstanceOf(FormatException.class);
  }

  private static String shaped(String dimensions) {
    return "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dimensions + ")}";
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "4, 0", "1, 1", "255, 0"})
  void unknownVersionsAreRefused(int major, int minor) {
    byte[] file = file(1, GOOD);
    file[6] = (byte) major;
    file[7] = (byte) minor;
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("versions 1.0, 2.0 and 3.0");
  }

  @Test
  void aHeaderThatLeavesTheFileIsRefused() {
    byte[] file = file(2, GOOD);
    file[10] = (byte) 0x10;
    assertThatThrownBy(() -> read(file)).isInstanceOf(FormatException.class);
    file[11] = (byte) 0x80;
    assertThatThrownBy(() -> read(file)).isInstanceOf(FormatException.class);
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void whatIsWrittenIsReadAndAligned(DType dtype) {
    TensorType type = new TensorType(dtype, Shape.of(5));
    byte[] head = NpyHeader.write(type, false);
    assertThat(head.length % 64).isZero();
    byte[] file = Arrays.copyOf(head, head.length + (int) type.byteLength());
    NpyHeader header = NpyHeader.read(source(file), file.length, dtype);
    assertThat(header.type()).isEqualTo(type);
    assertThat(header.dataOffset()).isEqualTo(head.length);
  }

  @Test
  void whatIsWrittenIsWhatNumpyWrites() throws IOException {
    byte[] numpy = Files.readAllBytes(Golden.path("float32.npy"));
    byte[] head = NpyHeader.write(new TensorType(DType.F32, Golden.SHAPE), false);
    assertThat(head).isEqualTo(Arrays.copyOf(numpy, head.length));
  }

  /** Whatever the bytes are, they are read or refused: nothing else happens. */
  @Test
  void randomDamageIsReadOrRefused() throws IOException {
    byte[] golden = Files.readAllBytes(Golden.path("float32.npy"));
    SplittableRandom random = new SplittableRandom(42);
    for (int round = 0; round < 50_000; round++) {
      byte[] damaged = golden.clone();
      for (int i = random.nextInt(4); i >= 0; i--) {
        damaged[random.nextInt(100)] = (byte) random.nextInt(256);
      }
      try {
        assertThat(read(damaged).type().byteLength()).isLessThan(golden.length);
      } catch (FormatException refused) {
        assertThat(refused.byteOffset()).isBetween(0L, (long) golden.length);
      }
    }
  }

  private static NpyHeader read(String text) {
    return read(file(1, text));
  }

  private static NpyHeader read(byte[] file) {
    return NpyHeader.read(source(file), file.length, null);
  }

  private static ByteSource source(byte[] file) {
    return new ByteSource("golden.npy", 0, MemorySegment.ofArray(file));
  }

  private static byte[] file(int major, String text) {
    byte[] latin = text.getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer file = ByteBuffer.allocate(latin.length + 12 + 64).order(ByteOrder.LITTLE_ENDIAN);
    file.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.ISO_8859_1));
    file.put((byte) major).put((byte) 0);
    if (major == 1) {
      file.putShort((short) latin.length);
    } else {
      file.putInt(latin.length);
    }
    return file.put(latin).array();
  }
}
