package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.google.flatbuffers.FlatBufferBuilder;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.Schema;
import org.junit.jupiter.api.Test;

class SchemaTest {
  @Test
  void everyTypeComesBackFromTheMetadata() {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("z", "größe");
    metadata.put("a", "");
    ArrowSchema schema = new ArrowSchema(EveryType.fields(), metadata);
    FlatBufferBuilder builder = new FlatBufferBuilder();
    int table = SchemaWriter.write(builder, schema);
    byte[] message = BatchPlan.finish(builder, MessageHeader.Schema, table, 0);

    ByteSource source = new ByteSource("schema", 0, MemorySegment.ofArray(message));
    Message read =
        Message.getRootAsMessage(MetadataVerifier.verify(source, MetadataTable.MESSAGE));
    ArrowSchema back =
        SchemaReader.read((Schema) read.header(new Schema()), source, MetadataVersion.V5);

    assertThat(back).isEqualTo(schema);
    assertThat(back.metadata().keySet()).containsExactly("z", "a");
  }

  @Test
  void layoutsTellBuffersAndBytes() {
    assertThat(new ArrowType.Bool().layout().buffers())
        .extracting(buffer -> buffer.byteLength(9))
        .containsExactly(2L, 2L);
    assertThat(new ArrowType.Bytes(true, true).layout().buffers())
        .extracting(buffer -> buffer.byteLength(9))
        .containsExactly(2L, 80L, 0L);
    assertThat(new ArrowType.Bytes(true, false).layout().buffers())
        .extracting(buffer -> buffer.byteLength(0))
        .containsExactly(0L, 0L, 0L);
    assertThat(new ArrowType.Union(true, List.of(1)).layout().buffers())
        .extracting(BufferLayout::kind)
        .containsExactly(BufferKind.TYPE_IDS, BufferKind.POSITIONS);
    assertThat(new ArrowType.FixedSizeBinary(3).layout().valueBits()).isEqualTo(24);
    assertThat(new ArrowType.Decimal(40, 0, 256).layout().valueBits()).isEqualTo(256);
    assertThat(new ArrowType.Null().layout().hasValidity()).isFalse();
  }

  @Test
  void impossibleTypesAreRefused() {
    ArrowField item = ArrowField.of("item", new ArrowType.Int(8, true), true);
    assertThatIllegalArgumentException().isThrownBy(() -> new ArrowType.Int(7, true));
    assertThatIllegalArgumentException().isThrownBy(() -> new ArrowType.Decimal(39, 0, 128));
    assertThatIllegalArgumentException().isThrownBy(() -> new ArrowType.Union(true, List.of(1, 1)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ArrowField.of("m", new ArrowType.Map(false), true, item))
        .withMessageContaining("map of int8");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ArrowField.of("r", new ArrowType.RunEndEncoded(), true, item, item));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ArrowField.of("l", new ArrowType.ListOf(false), true));
  }

  @Test
  void typesAreCalledAsPyArrowCallsThem() {
    assertThat(EveryType.fields()).extracting(ArrowField::typeText)
        .contains("timestamp[us, tz=Asia/Tōkyō]", "decimal32(9, -2)", "time32[ms]", "date32[day]",
            "month_day_nano_interval", "fixed_size_list[3]<int8>",
            "dictionary<values=utf8, indices=uint16, ordered=1>", "run_end_encoded<int16, utf8>");
  }
}
