package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Python with PyArrow: that of the build, or another in {@code -Dtensorbridge.python}. */
public final class PyArrow {
  private PyArrow() {}

  private static String python() {
    String chosen = System.getProperty("tensorbridge.python", "");
    Path ours = Path.of(System.getProperty("tensorbridge.root", "."), ".venv/bin/python");
    return chosen.isEmpty() ? Files.isExecutable(ours) ? ours.toString() : "python3" : chosen;
  }

  /** Whether PyArrow and NumPy can be imported. */
  public static boolean isInstalled() {
    try {
      return start("import pyarrow, numpy").waitFor() == 0;
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  /** Runs a program, whose arguments are {@code sys.argv[1:]}, and returns what it printed. */
  public static String run(String program, Object... arguments) {
    try {
      Process process = start(program, arguments);
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      assertThat(process.waitFor()).as(output).isZero();
      return output;
    } catch (IOException | InterruptedException failure) {
      throw new AssertionError(failure);
    }
  }

  /** Runs a script beside the golden files. */
  public static String runScript(String name, Object... arguments) {
    try (InputStream script = PyArrow.class.getResourceAsStream("/arrow/" + name)) {
      return run(new String(script.readAllBytes(), StandardCharsets.UTF_8), arguments);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static Process start(String program, Object... arguments) {
    List<String> command = new ArrayList<>(List.of(python(), "-c", program));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    try {
      return new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException failure) {
      throw new AssertionError("python3 is needed for this test", failure);
    }
  }
}
