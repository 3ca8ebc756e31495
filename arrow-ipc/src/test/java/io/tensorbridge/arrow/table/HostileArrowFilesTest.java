package io.tensorbridge.arrow.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tensorbridge.FormatException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class HostileArrowFilesTest {
  static Stream<Path> hostileFiles() {
    return ArrowFiles.in(ArrowFiles.folder("hostile")).stream();
  }

  @ParameterizedTest
  @MethodSource("hostileFiles")
  @SuppressWarnings("resource") // nothing is opened
  void isRefusedForTheRuleInItsName(Path path) {
    FormatException refused =
        catchThrowableOfType(FormatException.class, () -> LayerTableFile.open(path));

    assertThat(refused).isNotNull();
    assertThat(slug(refused.rule())).isEqualTo(ruleOf(path));
    assertThat(refused.byteOffset()).isBetween(0L, path.toFile().length());
    assertThat(refused).hasMessageContaining(path.toString()).hasMessageContaining("byte ");
  }

  private static String ruleOf(Path hostile) {
    String name = String.valueOf(hostile.getFileName());
    return name.substring(0, name.indexOf('.')).replaceAll("--.*", "");
  }

  private static String slug(String rule) {
    String words = rule.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
    return words.replaceAll("^-|-$", "");
  }
}
