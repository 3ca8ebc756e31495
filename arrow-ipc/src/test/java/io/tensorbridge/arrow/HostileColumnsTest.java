package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tensorbridge.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each file breaks the rule in its name, and is refused when it is opened or validated. */
@Timeout(60)
class HostileColumnsTest {
  static Stream<Path> hostileFiles() throws IOException, URISyntaxException {
    Path folder = Path.of(HostileColumnsTest.class.getResource("/arrow/hostile-columns").toURI());
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("hostileFiles")
  void isRefusedForTheRuleInItsName(Path path) {
    FormatException refused =
        catchThrowableOfType(FormatException.class, () -> validate(path));

    assertThat(refused).isNotNull();
    assertThat(slug(refused.rule())).isEqualTo(ruleOf(path));
    assertThat(refused.byteOffset()).isBetween(0L, path.toFile().length());
    assertThat(refused).hasMessageContaining(path.toString()).hasMessageContaining("byte ");
  }

  private static void validate(Path path) {
    try (ArrowFile file = ArrowFile.open(path)) {
      file.batches().forEach(batch -> batch.columns().forEach(ArrowColumn::validate));
    }
  }

  private static String ruleOf(Path hostile) {
    String name = String.valueOf(hostile.getFileName());
    return name.substring(0, name.indexOf('.')).replaceAll("--.*", "");
  }

  private static String slug(String rule) {
    String words = rule.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return words.replaceAll("^-|-$", "");
  }

  @Test
  void theMemoryOfTheReaderIsBoundedByItsOptions() throws IOException, URISyntaxException {
    Path path = hostileFiles().filter(file -> file.toString().contains("at-most-so-many"))
        .findAny().orElseThrow();
    ReadOptions none = ReadOptions.defaults().withMostOwnBytes(0);
    ReadOptions much = ReadOptions.defaults().withMostOwnBytes(2L << 30);
    assertThatThrownBy(() -> ArrowFile.open(path, none))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("withMostOwnBytes");
    try (ArrowFile file = ArrowFile.open(path, much)) { // which reads nothing yet
      assertThat(file.statistics().columns().getFirst().byteLength()).isEqualTo(1100L << 20);
    }
  }

  @Test
  void aMapHasNoNullKeys() {
    ArrowField key = ArrowField.of("key", new ArrowType.Int(8, true), true);
    ArrowField entries = ArrowField.of("entries", new ArrowType.Struct(), false, key, key);
    ArrowField map = ArrowField.of("map", new ArrowType.Map(false), true, entries);
    MemorySegment two = MemorySegment.ofArray(new byte[]{1, 2});
    MemorySegment first = MemorySegment.ofArray(new byte[]{1});
    ArrowColumn keys = ArrowColumn.of(key, 2, ArrowColumn.NOT_COUNTED, List.of(first, two),
        List.of(), Optional.empty());
    ArrowColumn pairs = ArrowColumn.of(entries, 2, 0, List.of(MemorySegment.NULL),
        List.of(keys, keys), Optional.empty());
    MemorySegment offsets = MemorySegment.ofArray(new int[]{0, 1, 2});
    ArrowColumn maps = ArrowColumn.of(map, 2, 0, List.of(MemorySegment.NULL, offsets),
        List.of(pairs), Optional.empty());

    assertThat(keys.nullCount()).isEqualTo(1);
    assertThatThrownBy(maps::validate)
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("row 1 of the column \"map\"");
  }
}
