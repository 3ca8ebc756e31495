package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs Python programs that are the other side of a test. */
public final class Python {
  private Python() {}

  /** The interpreter: a property, the environment of the repository, or the system's. */
  public static String executable() {
    String chosen = System.getProperty("tensorbridge.python", "");
    if (!chosen.isEmpty()) {
      return chosen;
    }
    Path ours = Path.of(System.getProperty("tensorbridge.root", "."), ".venv/bin/python");
    return Files.isExecutable(ours) ? ours.toString() : "python3";
  }

  /** Whether a module can be imported. */
  public static boolean has(String module) {
    try {
      return start("import " + module).process.waitFor() == 0;
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  /** Starts a program; its arguments are {@code sys.argv[1:]}. */
  public static Running start(String program, Object... arguments) {
    List<String> command = new ArrayList<>(List.of(executable(), "-c", program));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    try {
      return new Running(new ProcessBuilder(command).redirectErrorStream(true).start());
    } catch (IOException failure) {
      throw new AssertionError("python3 is needed for this test", failure);
    }
  }

  /** Runs a program to its end and returns what it printed. */
  public static String run(String program, Object... arguments) {
    return start(program, arguments).finish();
  }

  /** A running program; closing it kills it. */
  public record Running(Process process) implements AutoCloseable {
    /** Waits for a successful end and returns what it printed. */
    public String finish() {
      try {
        String output =
            new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(process.waitFor()).as(output).isZero();
        return output;
      } catch (IOException | InterruptedException failure) {
        throw new AssertionError(failure);
      }
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }
}
