package io.tensorbridge.quantize.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.quantize.internal.json.JsonText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which of two formats a GPTQ checkpoint has: zero points are stored minus 1 in the first, as they
 * are in the second, and only the configuration beside the file tells ({@code checkpoint_format}).
 */
final class GptqVersion {
  private static final List<String> FILES = List.of("quantize_config.json", "config.json");
  private static final String KEY = "checkpoint_format";
  private static final String SECOND = "gptq_v2";
  private static final int LARGEST = 16 << 20;

  private GptqVersion() {}

  /** Whether a file lies beside a configuration that tells the second format. */
  static boolean isSecond(Path checkpoint) {
    for (String name : FILES) {
      Path file = checkpoint.resolveSibling(name);
      if (Files.isRegularFile(file) && tellsSecond(file)) {
        return true;
      }
    }
    return false;
  }

  private static boolean tellsSecond(Path file) {
    try {
      if (Files.size(file) > LARGEST) {
        throw broken(file, "has more than " + LARGEST + " bytes", null);
      }
      try (JsonParser parser = JsonText.factory(LARGEST).createParser(Files.readAllBytes(file))) {
        boolean second = false;
        for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
          second |= token == JsonToken.VALUE_STRING
              && KEY.equals(parser.currentName())
              && SECOND.equals(parser.getText());
        }
        return second;
      }
    } catch (IOException unreadable) {
      throw broken(file, "can't be read: " + unreadable.getMessage(), unreadable);
    }
  }

  private static FormatException broken(
      Path file, String what, @Nullable Throwable cause) {
    return new FormatException(
        ErrorCode.BAD_FORMAT,
        file + " " + what + "; it tells the format of the GPTQ checkpoint beside it",
        -1,
        "a configuration in JSON",
        cause);
  }
}
