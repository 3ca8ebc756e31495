package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.arrow.fuzz.FuzzedArrow;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The columns of the golden file, which have each layout. */
class ColumnTailTest {
  @Test
  void theRowsBeforeAndTheTailAreTheWhole() {
    int cut = 0;
    try (ArrowFile file = ArrowFile.open(golden()); Arena arena = Arena.ofConfined()) {
      for (ArrowBatch batch : file.batches()) {
        for (ArrowColumn column : batch.columns()) {
          if (ColumnTail.canBegin(column.field())) {
            cut++;
            requireEachTail(column, arena);
          }
        }
      }
    }
    assertThat(cut).isEqualTo(8);
  }

  private static void requireEachTail(ArrowColumn column, Arena arena) {
    for (long from = 0; from <= column.length(); from++) {
      ArrowColumn head = column.head(from);
      ArrowColumn tail = ColumnTail.of(column, from, arena);
      tail.validate();
      String whole = ColumnText.of(column);
      String joined = (inner(head) + (from == 0 || from == column.length() ? "" : ", ")
          + inner(tail));
      assertThat("[" + joined + "]").as(column.toString()).isEqualTo(whole);
      assertThat(ColumnPrefix.isPrefix(head, column)).isTrue();
      assertThat(ColumnPrefix.isPrefix(tail, column))
          .as("%s from %s", column, from)
          .isEqualTo(tail.length() == 0 || whole.startsWith("[" + inner(tail)
              + (from == 0 ? "]" : ",")));
    }
  }

  private static String inner(ArrowColumn column) {
    String text = ColumnText.of(column);
    return text.substring(1, text.length() - 1);
  }

  private static Path golden() {
    return FuzzedArrow.files("golden-layouts").stream()
        .filter(file -> file.endsWith("layouts-zstd.arrow")).findAny().orElseThrow();
  }
}
