package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.file.EncodingMetadata;
import io.tensorbridge.file.TensorFile;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Carries metadata from the input of a conversion to its output. */
final class OutputMetadata {
  private static final String QUANTIZATION_VERSION_KEY = "general.quantization_version";
  private static final String FILE_TYPE_KEY = "general.file_type";
  private static final int QUANTIZATION_VERSION = 2; // GGML_QNT_VERSION

  private OutputMetadata() {}

  /** As text: what is ours describes the old encodings, and arrays don't survive as text. */
  static Map<String, String> text(TensorFile input) {
    Map<String, String> text = new LinkedHashMap<>();
    if (input instanceof GgufFile gguf) {
      gguf.values()
          .forEach(
              (key, value) -> {
                if (!(value instanceof GgufValue.Array)) {
                  text.put(key, value.toText());
                }
              });
      text.remove(QUANTIZATION_VERSION_KEY);
      text.remove(FILE_TYPE_KEY);
    } else {
      input.metadata().forEach((key, value) -> {
        if (!EncodingMetadata.isOurs(key) && !key.equals(ShardIndex.TOTAL_SIZE)) {
          text.put(key, value);
        }
      });
    }
    return text;
  }

  /** With types, and with what readers of GGUF want to know about the quantization. */
  static Map<String, GgufValue> values(TensorFile input, List<TensorPlan> plans, String scheme) {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    if (input instanceof GgufFile gguf) {
      values.putAll(gguf.values());
    } else {
      text(input).forEach((key, value) -> values.put(key, new GgufValue.Text(value)));
    }
    boolean quantized = false;
    for (TensorPlan plan : plans) {
      GgmlType type = GgmlType.ofEncoding(plan.encoding());
      quantized |= type != null && type.dtype() == null;
    }
    if (quantized) {
      values.put(QUANTIZATION_VERSION_KEY, GgufValue.u32(QUANTIZATION_VERSION));
    }
    int fileType = fileType(scheme);
    if (fileType >= 0) {
      values.put(FILE_TYPE_KEY, GgufValue.u32(fileType));
    }
    return values;
  }

  /**
   * A value that a user gives as text.
   *
   * @param present values whose types are kept
   * @throws OptionException if the text is no value of the key's type
   */
  static GgufValue value(Map<String, GgufValue> present, String key, String text) {
    GgufValue before = present.get(key);
    try {
      return switch (before) {
        case null -> guessed(text);
        case GgufValue.Whole(GgufValueType type, long _) -> new GgufValue.Whole(
            type, type == GgufValueType.U64 ? Long.parseUnsignedLong(text) : inRange(type, text));
        case GgufValue.Real(GgufValueType type, double _) ->
            new GgufValue.Real(type, Double.parseDouble(text));
        case GgufValue.Bool _ when text.equals("true") || text.equals("false") ->
            new GgufValue.Bool(Boolean.parseBoolean(text));
        case GgufValue.Text _ -> new GgufValue.Text(text);
        case GgufValue.Bool _,GgufValue.Array _ -> throw new NumberFormatException();
      };
    } catch (NumberFormatException malformed) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          "metadata",
          "\"" + text + "\" is no value for " + key + ", which is "
              + (before == null ? "new" : before.type() + " in the input"));
    }
  }

  private static long inRange(GgufValueType type, String text) {
    long value = Long.parseLong(text);
    boolean signed = type == GgufValueType.I8 || type == GgufValueType.I16
        || type == GgufValueType.I32 || type == GgufValueType.I64;
    int bits = 8 * type.leastBytes();
    long least = signed ? -1L << (bits - 1) : 0;
    long most = bits == Long.SIZE ? Long.MAX_VALUE : (1L << (signed ? bits - 1 : bits)) - 1;
    if (value < least || value > most) {
      throw new NumberFormatException();
    }
    return value;
  }

  /** As gguf-py's scripts do: true and false, 32-bit numbers if they fit, else text. */
  private static GgufValue guessed(String text) {
    if (text.equals("true") || text.equals("false")) {
      return new GgufValue.Bool(Boolean.parseBoolean(text));
    }
    if (text.matches("[+-]?\\d{1,18}")) {
      long value = Long.parseLong(text);
      boolean unsigned = value >= 0 && value < 1L << Integer.SIZE;
      boolean small = value == (int) value;
      return new GgufValue.Whole(
          unsigned ? GgufValueType.U32 : small ? GgufValueType.I32 : GgufValueType.I64, value);
    }
    if (text.matches("[+-]?\\d*\\.\\d+([eE][+-]?\\d+)?")) {
      return new GgufValue.Real(GgufValueType.F32, Double.parseDouble(text));
    }
    return new GgufValue.Text(text);
  }

  /** llama.h, {@code enum llama_ftype}; -1 for a scheme that it does not have. */
  private static int fileType(String scheme) {
    return switch (scheme) {
      case "f32" -> 0;
      case "f16" -> 1;
      case "q4_0" -> 2;
      case "q4_1" -> 3;
      case "q8_0" -> 7;
      case "q5_0" -> 8;
      case "q5_1" -> 9;
      case "q2_k" -> 10;
      case "q3_k" -> 12;
      case "q4_k" -> 14;
      case "q5_k" -> 16;
      case "q6_k" -> 18;
      case "iq4_nl" -> 25;
      case "bf16" -> 32;
      default -> -1;
    };
  }
}
