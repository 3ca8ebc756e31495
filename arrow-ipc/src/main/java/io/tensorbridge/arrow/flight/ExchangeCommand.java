package io.tensorbridge.arrow.flight;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.op.Options;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What {@code DoExchange} shall do, as its descriptor writes it: {@code
 * {"operation":"quantize","options":{"scheme":"q8_0"}}}.
 *
 * @param operation a name of the registry
 * @param options texts; numbers and truth values stand for theirs
 */
record ExchangeCommand(String operation, Options options) {
  private static final JsonFactory JSON = new JsonFactory();
  private static final String EXAMPLE =
      "{\"operation\":\"quantize\",\"options\":{\"scheme\":\"q8_0\"}}";

  /**
   * Reads a command.
   *
   * @throws io.grpc.StatusRuntimeException {@code INVALID_ARGUMENT} if it is none
   * @throws io.tensorbridge.OptionException if an option can't be one
   */
  static ExchangeCommand parse(byte[] json) {
    String operation = "";
    Map<String, String> options = new LinkedHashMap<>();
    try (JsonParser parser = JSON.createParser(json)) {
      require(parser.nextToken() == JsonToken.START_OBJECT, "no object");
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        JsonToken value = parser.nextToken();
        switch (key) {
          case "operation" -> {
            require(value == JsonToken.VALUE_STRING, "an operation that is no text");
            operation = parser.getText();
          }
          case "options" -> {
            require(value == JsonToken.START_OBJECT, "options that are no object");
            readOptions(parser, options);
          }
          default -> require(false, "the key \"" + key + "\"");
        }
      }
      require(parser.nextToken() == null, "more behind the object");
      require(!operation.isEmpty(), "no operation");
    } catch (IOException malformed) {
      throw FlightErrors.invalid("the command is no JSON: " + malformed.getMessage()
          + "; it looks like " + EXAMPLE);
    }
    return new ExchangeCommand(operation, Options.of(options));
  }

  private static void readOptions(JsonParser parser, Map<String, String> options)
      throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      require(parser.nextToken().isScalarValue(), "the option \"" + key + "\" of many values");
      options.put(key, parser.getText());
    }
  }

  private static void require(boolean right, String found) {
    if (!right) {
      throw FlightErrors.invalid("the command has " + found + "; it looks like " + EXAMPLE);
    }
  }
}
