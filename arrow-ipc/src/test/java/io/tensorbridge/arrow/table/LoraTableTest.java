package io.tensorbridge.arrow.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters as the seed wrote them by PyArrow: see make_lora.py beside the files. */
class LoraTableTest {
  private static Path file(String name) {
    return ArrowFiles.folder("lora").resolve(name + ".lora.arrow");
  }

  @Test
  void listsTheFactorsOfEachModule() {
    Path path = file("style");
    try (TensorFile file = TensorFileFormats.ofServices().forPath(path).open(path)) {
      assertThat(file.entries())
          .extracting(TensorEntry::name)
          .containsExactly(
              "mid_block.to_q.lora_A.weight", "mid_block.to_q.lora_B.weight",
              "mid_block.to_k.lora_A.weight", "mid_block.to_k.lora_B.weight");
      assertThat(file.entry("mid_block.to_q.lora_A.weight").shape()).isEqualTo(Shape.of(2, 3));
      assertThat(file.entry("mid_block.to_k.lora_B.weight").dtype())
          .isEqualTo(Optional.of(DType.F16));
      assertThat(ArrowFiles.floats(file, "mid_block.to_q.lora_A.weight"))
          .containsExactly(0, 1, 2, 3, 4, 5);
      assertThat(file.tensor("mid_block.to_k.lora_B.weight").getDouble(3, 1)).isEqualTo(-7);
      assertThat(file.metadata()).containsEntry("lora_alpha", "1.0").containsEntry("lora_rank",
          "2");
    }
  }

  @ParameterizedTest
  @CsvSource({
      "no-factor, lora_B", "wrong-shape, 24 bytes", "negative-shape, shape",
      "unknown-dtype, float17", "twice, there twice"
  })
  void refusesBrokenRowsAndNamesTheModule(String name, String words) {
    Path path = file(name);
    assertThatThrownBy(() -> LayerTableFile.open(path))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("mid_block.to_q")
        .hasMessageContaining(words);
  }
}
