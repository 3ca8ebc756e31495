package io.tensorbridge.arrow.cdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tensorbridge.arrow.PyArrow;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * PyArrow, and what else of Polars, DuckDB, nanoarrow and arro3 is installed, exchange structs with us
 * in one process, which is Python's: it starts the JVM within.
 */
@Timeout(180)
class PyArrowInProcessIT {
  @Test
  void everyLayoutComesBackFromJavaAsPyArrowGaveIt() {
    assumeTrue(PyArrow.isInstalled(), "PyArrow is not installed");
    Path libjvm = Path.of(System.getProperty("java.home"), "lib/server/libjvm.so");
    String output =
        PyArrow.runScript(
            "cdata/pyarrow_in_process.py", libjvm, System.getProperty("java.class.path"),
            "--enable-native-access=ALL-UNNAMED");
    assumeFalse(output.startsWith("skip: "), output);
    assertThat(Integer.parseInt(output)).as("columns and streams that came back")
        .isGreaterThan(1000);
  }
}
