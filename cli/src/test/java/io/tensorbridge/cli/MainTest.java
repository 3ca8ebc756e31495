package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void versionIsPrintedOnStandardOutput() {
    assertThat(run("--version")).isZero();
    assertThat(out.toString()).startsWith("tensorbridge ");
  }

  @Test
  void aMissingCommandIsWrongUsage() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("a command is missing").contains("Usage:");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void anUnknownCommandOrOptionIsWrongUsage() {
    assertThat(run("--no-such-option")).isEqualTo(2);
    assertThat(run("frobnicate")).isEqualTo(2);
    assertThat(run("inspect", "a.gguf", "--frob")).isEqualTo(2);
    assertThat(err.toString()).contains("unknown option --frob").contains("Usage: tensorbridge");
  }

  @Test
  void helpListsEveryCommand() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString())
        .contains("quantize", "dequantize", "inspect", "compare", "demo", "doctor", "bench");
  }

  @ParameterizedTest
  @EnumSource
  void everyCommandHasAHelpText(Subcommand subcommand) {
    String name = subcommand.create().syntax().name();

    assertThat(Subcommand.named(name)).isSameAs(subcommand);
    assertThat(run(name, "--help")).isZero();
    assertThat(out.toString()).startsWith("Usage: tensorbridge " + name);
    assertThat(out.toString().lines()).allMatch(line -> line.length() <= 100);
  }

  @Test
  void helpOfQuantizeTeachesTheSchemes() {
    run("quantize", "--help");
    assertThat(out.toString()).contains("Examples:", "q8_0", "8.50", "gguf", "uniform");
  }

  private int run(String... words) {
    Console console = new Console(new PrintWriter(out), new PrintWriter(err));
    return Main.run(List.of(words), console);
  }
}
