package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.OptionException;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.QuotaException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.ServerDiedException;
import io.tensorbridge.TensorException;
import java.io.IOException;
import java.util.List;

/**
 * What {@code --json} prints of a run that failed: {@code {"error": {...}}} with {@code code} (a
 * number of {@code spec/errors.md}), {@code kind} and {@code message}; of a tensor also {@code
 * tensor}, {@code index} (flat, in C order) and {@code reason} (the message without the name), of a
 * file {@code offset} and {@code rule}. What isn't known is left out.
 */
final class FailureDocument {
  private static final String JSON = "--json";

  private FailureDocument() {}

  /** Whether the words of a command ask for it, however wrong they are. */
  static boolean isWanted(CommandSyntax syntax, List<String> words) {
    int end = words.indexOf("--");
    return syntax.find(JSON) != null
        && words.subList(0, end < 0 ? words.size() : end).contains(JSON);
  }

  /** A failure in the work. */
  static void print(Console console, BridgeException failure) {
    JsonDocument.print(
        console.out(),
        json -> {
          json.writeObjectFieldStart("error");
          writeMembers(json, failure);
          json.writeEndObject();
        });
  }

  /** Wrong usage. */
  static void print(Console console, UsageException wrong) {
    print(console, new OptionException(ErrorCode.BAD_OPTION, String.valueOf(wrong.getMessage())));
  }

  static void writeMembers(JsonGenerator json, BridgeException failure) throws IOException {
    json.writeNumberField("code", failure.code().number());
    json.writeStringField("kind", kind(failure));
    json.writeStringField("message", failure.getMessage());
    if (failure instanceof TensorException tensor) {
      if (!tensor.tensorName().isEmpty()) {
        json.writeStringField("tensor", tensor.tensorName());
      }
      if (tensor.elementIndex() >= 0) {
        json.writeNumberField("index", tensor.elementIndex());
      }
      json.writeStringField("reason", tensor.reason());
    }
    if (failure instanceof FormatException format) {
      if (format.byteOffset() >= 0) {
        json.writeNumberField("offset", format.byteOffset());
      }
      if (!format.rule().isEmpty()) {
        json.writeStringField("rule", format.rule());
      }
    }
  }

  private static String kind(BridgeException failure) {
    return switch (failure) {
      case ProtocolException _ -> "protocol";
      case TensorException _ -> "tensor";
      case OptionException _ -> "option";
      case QuotaException _ -> "quota";
      case CancelledException _ -> "cancelled";
      case BridgeTimeoutException _ -> "timeout";
      case BridgeClosedException _ -> "closed";
      case ServerDiedException _ -> "server-died";
      case ResourceException _ -> "resource";
      case FormatException _ -> "format";
    };
  }
}
