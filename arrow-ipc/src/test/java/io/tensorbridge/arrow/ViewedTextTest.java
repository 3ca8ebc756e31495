package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.FormatException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ViewedTextTest {
  private static final ArrowField FIELD =
      ArrowField.of("t", new ArrowType.BytesView(true), true);

  /** A view: offset and length in the only buffer. */
  private record View(int offset, int length) {}

  private static ArrowColumn column(byte[] data, List<View> views) {
    ByteBuffer bytes = ByteBuffer.allocate(16 * views.size()).order(ByteOrder.LITTLE_ENDIAN);
    for (View view : views) {
      bytes.putInt(view.length).put(data, view.offset, Integer.BYTES).putInt(0).putInt(view.offset);
    }
    return ArrowColumn.of(FIELD, views.size(), 0,
        List.of(MemorySegment.NULL, MemorySegment.ofArray(bytes.array()),
            MemorySegment.ofArray(data)),
        List.of(), Optional.empty());
  }

  /** A view for each row of a check by itself, as the rows are read. */
  private static boolean eachIsText(ArrowColumn column) {
    try {
      for (long row = 0; row < column.length(); row++) {
        column.text(row);
      }
      return true;
    } catch (FormatException refused) {
      return false;
    }
  }

  @Test
  void allAtOnceFindWhatEachFindsByItself() {
    Random random = new Random(5);
    byte[] text = "aé中𝄞".repeat(40).getBytes(StandardCharsets.UTF_8);
    int refused = 0;
    for (int times = 0; times < 4000; times++) {
      byte[] data = text.clone();
      if (times % 2 == 0) {
        data[random.nextInt(data.length)] = (byte) random.nextInt();
      }
      List<View> views = new ArrayList<>();
      for (int i = random.nextInt(6); i >= 0; i--) {
        int offset = random.nextInt(30) * 10;
        views.add(new View(offset, random.nextInt(3) == 0 ? 13 + random.nextInt(60) : 20));
      }
      ArrowColumn column = column(data, views);
      boolean expected = eachIsText(column);
      refused += expected ? 0 : 1;
      if (expected) {
        column.validate();
      } else {
        assertThatThrownBy(column::validate).as(views.toString())
            .isInstanceOf(FormatException.class).hasMessageContaining("UTF-8");
      }
    }
    assertThat(refused).isBetween(400, 3600);
  }

  /** One by one these would be 400 GB. */
  @Test
  @Timeout(60)
  void manyViewsOfTheSameBytesCostNoMoreThanTheBytes() {
    byte[] data = "größe中".repeat(400_000).getBytes(StandardCharsets.UTF_8);
    List<View> views = new ArrayList<>();
    for (int i = 0; i < 100_000; i++) {
      views.add(new View(0, data.length - 10 * (i % 1000)));
    }
    column(data, views).validate();
    data[data.length / 2] = (byte) 0xFF;
    ArrowColumn broken = column(data, views);
    assertThatThrownBy(broken::validate).isInstanceOf(FormatException.class)
        .extracting(failure -> ((FormatException) failure).byteOffset())
        .isEqualTo((long) data.length / 2);
  }

  @Test
  void aCharacterMayBeCutByAChunk() {
    byte[] data = ("a" + "中".repeat(100_000)).getBytes(StandardCharsets.UTF_8);
    MemorySegment bytes = MemorySegment.ofArray(data);
    assertThat(Utf8.firstMalformed(bytes)).isEqualTo(-1);
    assertThat(Utf8.firstMalformed(bytes.asSlice(0, data.length - 1)))
        .isEqualTo(data.length - 3);
    assertThat(Utf8.firstMalformed(bytes.asSlice(2))).isZero();
  }
}
