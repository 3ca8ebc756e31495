package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.quantize.QuantScheme;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ShardedSafetensorsWriterTest {
  @TempDir
  private Path directory;

  @Test
  void writesShardsAndTheirIndexAndReadsThemAgain() throws IOException {
    Path source = directory.resolve("model.safetensors");
    Path target = directory.resolve("out.safetensors.index.json");
    List<TensorEntry> entries = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      entries.add(
          TensorEntry.of("t" + i + ".weight", new TensorType(DType.F32, Shape.of(4, 64))));
    }
    try (SafetensorsWriter writer =
        SafetensorsWriter.create(source, entries, Map.of("format", "pt"));
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < 5; i++) {
        writer.write(i, 0, arena.allocate(1024).fill((byte) i));
      }
      writer.commit();
    }
    TensorFileFormats formats = TensorFileFormats.ofServices();
    ConversionOptions options = ConversionOptions.of(QuantScheme.parse("f32"));
    for (long limit : new long[]{2048, 4096}) {
      try (ModelConversion conversion =
          ModelConversion.quantize(formats, source, target, options)) {
        conversion.limitShards(limit);
        conversion.putMetadata("license", "mit");
        conversion.run(2, (done, total) -> {});
      }
    }

    assertThat(ModelFiles.filesIn(directory))
        .containsExactlyInAnyOrder(
            source,
            target,
            directory.resolve("out-00001-of-00002.safetensors"),
            directory.resolve("out-00002-of-00002.safetensors"));
    assertThat(Files.readString(target))
        .startsWith("{\n  \"metadata\": {\n")
        .contains("\"total_size\": 5120")
        .contains("\"t4.weight\": \"out-00002-of-00002.safetensors\"")
        .endsWith("}\n");
    try (TensorFile file = formats.forPath(target).open(target);
        TensorFile whole = SafetensorsFile.open(source)) {
      assertThat(file.metadata()).containsEntry("format", "pt").containsEntry("license", "mit");
      for (TensorEntry entry : entries) {
        assertThat(file.entry(entry.name())).isEqualTo(entry);
        assertThat(file.bytes(entry.name()).mismatch(whole.bytes(entry.name()))).isEqualTo(-1);
      }
    }
  }

  @Test
  void leavesNoShardBehindIfItIsNotCommitted() throws IOException {
    Path target = directory.resolve("out.safetensors.index.json");
    List<TensorEntry> entries =
        List.of(
            TensorEntry.of("a", new TensorType(DType.U8, Shape.of(10))),
            TensorEntry.of("b", new TensorType(DType.U8, Shape.of(10))));
    try (TensorFileWriter writer =
        ShardedSafetensorsWriter.create(target, entries, Map.of(), 10);
        Arena arena = Arena.ofConfined()) {
      writer.write(1, 0, arena.allocate(10));
    }
    assertThat(ModelFiles.filesIn(directory)).isEmpty();

    Files.createDirectory(directory.resolve("out-00002-of-00002.safetensors"));
    assertThatThrownBy(() -> ShardedSafetensorsWriter.create(target, entries, Map.of(), 10))
        .isInstanceOf(FormatException.class);
    assertThat(ModelFiles.filesIn(directory))
        .containsExactly(directory.resolve("out-00002-of-00002.safetensors"));
  }
}
