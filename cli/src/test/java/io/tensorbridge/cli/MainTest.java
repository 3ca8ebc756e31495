package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class MainTest {

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void versionIsPrintedOnStandardOutput() {
    assertThat(run("--version")).isZero();
    assertThat(out.toString()).startsWith("tensorbridge ");
  }

  @Test
  void aMissingSubcommandIsWrongUsage() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("Missing subcommand").contains("Usage:");
  }

  @Test
  void anUnknownOptionIsWrongUsage() {
    assertThat(run("--no-such-option")).isEqualTo(2);
  }

  private int run(String... arguments) {
    return Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err))
        .execute(arguments);
  }
}
