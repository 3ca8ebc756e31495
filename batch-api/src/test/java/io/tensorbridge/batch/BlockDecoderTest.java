package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes are written by hand from {@code spec/batch-block.md}, not by the layout classes. */
class BlockDecoderTest {
  private static final int MAX_ITEMS = 16;
  private static final int ITEMS = 88;
  private static final int TENSOR = ITEMS + 16;
  private static final int NAMES = ITEMS + 16 + 40 + 16 + 24 + 16;
  private static final int LENGTH = NAMES + 8;

  private final BlockDecoder decoder = new BlockDecoder(MAX_ITEMS, 1 << 20, new BlockMemory());

  /**
   * Two items: a float32 matrix of region 2 with an option set, and an output without dimensions
   * that lies in the output span, behind an input that is strided.
   */
  private static ByteBuffer block() {
    ByteBuffer block = ByteBuffer.allocate(LENGTH).order(ByteOrder.LITTLE_ENDIAN);
    block.put("TBBK".getBytes(StandardCharsets.US_ASCII));
    block.putShort(4, (short) 1).putLong(8, LENGTH).putInt(16, 2).putInt(20, 1).putInt(24, 3);
    block.putInt(28, 1).putInt(32, 64).putInt(36, 4).putInt(40, 72).putInt(44, ITEMS);
    block.putInt(48, NAMES - ITEMS).putInt(52, NAMES).putInt(56, 3);
    block.put(64, new byte[]{'c', 'o', 'p', 'y'});
    block.putInt(72, 80).putInt(76, 4).put(80, new byte[]{'a', '=', '1', '\n'});

    block.putInt(ITEMS, 16 + 40).putShort(ITEMS + 4, (short) 1);
    tensor(block, TENSOR, 2, 9, 64, 12, 2).putLong(TENSOR + 24, 4).putLong(TENSOR + 32, 8);

    int second = ITEMS + 16 + 40;
    block.putInt(second, 16 + 24 + 16).putShort(second + 4, (short) 0);
    block.putShort(second + 6, (short) 1);
    tensor(block, second + 16, -1, 0, 128, 13, 1).putShort(second + 16 + 18, (short) 1);
    block.putLong(second + 40, 3).putLong(second + 48, -8);
    block.put(NAMES, new byte[]{'a', 0, 'b'});
    return block;
  }

  private static ByteBuffer tensor(
      ByteBuffer block, int at, int region, int generation, long offset, int dtype, int rank) {
    block.putInt(at, region).putInt(at + 4, generation).putLong(at + 8, offset);
    return block.put(at + 16, (byte) dtype).put(at + 17, (byte) rank);
  }

  private DecodedBatch decode(ByteBuffer block) {
    return decode(MemorySegment.ofBuffer(block.rewind()));
  }

  private DecodedBatch decode(MemorySegment shared) {
    return decoder.decode(shared, 0, shared.byteSize());
  }

  @Test
  void everyFieldIsRead() {
    DecodedBatch batch = decode(block());
    assertThat(batch.asked().name()).isEqualTo("copy");
    assertThat(batch.continueOnError()).isTrue();
    assertThat(batch.threads()).isEqualTo(3);
    assertThat(batch.asked().optionTexts()).containsExactly("a=1\n");
    assertThat(batch.items()).hasSize(2);

    DecodedTensor input = batch.items().getFirst().inputs().getFirst();
    assertThat(input.region()).isEqualTo(2);
    assertThat(input.generation()).isEqualTo(9);
    assertThat(input.layout().dtype()).isEqualTo(DType.F32);
    assertThat(input.layout().shape()).isEqualTo(Shape.of(4, 8));
    assertThat(input.layout().byteOffset()).isEqualTo(64);
    assertThat(input.layout().isRowMajor()).isTrue();

    DecodedTensor output = batch.items().getLast().outputs().getFirst();
    assertThat(output.isRelative()).isTrue();
    assertThat(output.layout().byteStrides()).containsExactly(-8);
  }

  static Stream<Arguments> brokenFields() {
    int second = ITEMS + 56;
    return Stream.of(
        Arguments.of("magic", 0, 0, ErrorCode.BAD_MAGIC),
        Arguments.of("major", 4, 2, ErrorCode.UNSUPPORTED_VERSION),
        Arguments.of("block_length", 8, LENGTH + 8, ErrorCode.BAD_LENGTH),
        Arguments.of("block_length above 2^63", 12, -1, ErrorCode.BAD_LENGTH),
        Arguments.of("item_count above the limit", 16, MAX_ITEMS + 1, ErrorCode.QUOTA_ITEMS),
        Arguments.of("item_count as if negative", 16, -1, ErrorCode.QUOTA_ITEMS),
        Arguments.of("one item more", 16, 3, ErrorCode.BAD_LENGTH),
        Arguments.of("one item less", 16, 1, ErrorCode.BAD_LENGTH),
        Arguments.of("flags", 20, 2, ErrorCode.BAD_FLAGS),
        Arguments.of("no option sets", 28, 0, ErrorCode.BAD_COUNT),
        Arguments.of("option sets that overflow", 28, 1 << 29, ErrorCode.OFFSET_OVERFLOW),
        Arguments.of("operation_offset", 32, -1, ErrorCode.OFFSET_OVERFLOW),
        Arguments.of("operation_length", 36, LENGTH, ErrorCode.OFFSET_OVERFLOW),
        Arguments.of("option_sets_offset", 40, 76, ErrorCode.MISALIGNED),
        Arguments.of("option_sets_offset outside", 40, LENGTH, ErrorCode.OFFSET_OVERFLOW),
        Arguments.of("items_offset", 44, ITEMS - 4, ErrorCode.MISALIGNED),
        Arguments.of("items_length", 48, LENGTH, ErrorCode.OFFSET_OVERFLOW),
        Arguments.of("items_length short", 48, 16, ErrorCode.BAD_LENGTH),
        Arguments.of("names_offset", 52, LENGTH - 2, ErrorCode.OFFSET_OVERFLOW),
        Arguments.of("names_length", 56, 1, ErrorCode.BAD_COUNT),
        Arguments.of("reserved", 60, 1, ErrorCode.BAD_FLAGS),
        Arguments.of("option text offset", 72, LENGTH, ErrorCode.OFFSET_OVERFLOW),
        Arguments.of("option text", 80, 0xFF, ErrorCode.BAD_TEXT),
        Arguments.of("operation text", 64, 0xC0, ErrorCode.BAD_TEXT),
        Arguments.of("names text", NAMES, 0x62_00_80, ErrorCode.BAD_TEXT),
        Arguments.of("record_length zero", ITEMS, 0, ErrorCode.BAD_LENGTH),
        Arguments.of("record_length too long", ITEMS, 1 << 20, ErrorCode.BAD_LENGTH),
        Arguments.of("record_length too short", ITEMS, 48, ErrorCode.BAD_LENGTH),
        Arguments.of("input_count", ITEMS + 4, 0xFFFF, ErrorCode.BAD_LENGTH),
        Arguments.of("option_set", ITEMS + 8, 1, ErrorCode.BAD_COUNT),
        Arguments.of("option_set as if negative", ITEMS + 8, -1, ErrorCode.BAD_COUNT),
        Arguments.of("dtype", TENSOR + 16, 0x02_12, ErrorCode.BAD_DTYPE),
        Arguments.of("rank", TENSOR + 16, 0x41_0C, ErrorCode.BAD_RANK),
        Arguments.of("rank beyond the record", TENSOR + 16, 0x03_0C, ErrorCode.BAD_LENGTH),
        Arguments.of("tensor flags", TENSOR + 16, 0x02_02_0C, ErrorCode.BAD_FLAGS),
        Arguments.of("tensor reserved", TENSOR + 20, 1, ErrorCode.BAD_FLAGS),
        Arguments.of("negative dimension", TENSOR + 28, -1, ErrorCode.NEGATIVE_DIMENSION),
        Arguments.of("huge dimension", TENSOR + 28, 1 << 30, ErrorCode.OFFSET_OVERFLOW),
        Arguments.of("relative with generation", second + 20, 1, ErrorCode.BAD_FLAGS));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenFields")
  void aBrokenFieldIsRefusedWithItsCode(String field, int at, int value, ErrorCode code) {
    ByteBuffer block = block().putInt(at, value);
    assertThatThrownBy(() -> decode(block))
        .isInstanceOfSatisfying(
            BridgeException.class, refused -> assertThat(refused.code()).isEqualTo(code));
  }

  @Test
  void optionSetsThatShareTextCannotMultiplyIt() {
    ByteBuffer block = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    block.putInt(0, 0x4B424254).putShort(4, (short) 1).putLong(8, 4096).putInt(28, 256);
    block.putInt(40, 64);
    for (int i = 0; i < 256; i++) {
      block.putInt(64 + 8 * i, 0).putInt(68 + 8 * i, 4096);
    }
    assertThatThrownBy(() -> decode(block))
        .isInstanceOfSatisfying(
            ProtocolException.class,
            refused -> assertThat(refused.code()).isEqualTo(ErrorCode.BAD_LENGTH));
  }

  @Test
  void whateverIsWrittenIsReadOrRefused() {
    Random random = new Random(1);
    for (int round = 0; round < 50_000; round++) {
      ByteBuffer block = block();
      for (int i = random.nextInt(4); i >= 0; i--) {
        int at = random.nextInt(LENGTH);
        switch (random.nextInt(3)) {
          case 0 -> block.put(at, (byte) random.nextInt());
          case 1 -> block.putInt(at & ~3, random.nextInt());
          default -> block.putInt(at & ~3, random.nextInt(-2, 3));
        }
      }
      try {
        decode(block);
      } catch (BridgeException refused) {
        assertThat(refused.code()).isNotEqualTo(ErrorCode.INTERNAL);
      }
    }
  }

  @Test
  void theBlockIsCopiedBeforeItIsRead() {
    MemorySegment shared = MemorySegment.ofBuffer(block().rewind());
    DecodedBatch batch = decode(shared);
    shared.fill((byte) 0xFF);
    assertThat(batch.asked().name()).isEqualTo("copy");
    assertThat(shared.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0xFF);
  }

  @Test
  void aBlockHasAtLeastItsHeadAndAtMostItsLimit() {
    for (int length : new int[]{0, 63, (1 << 20) + 1}) {
      assertThatThrownBy(() -> decode(MemorySegment.ofArray(new byte[length])))
          .isInstanceOfSatisfying(
              ProtocolException.class,
              refused -> assertThat(refused.code()).isEqualTo(ErrorCode.BAD_LENGTH));
    }
  }
}
