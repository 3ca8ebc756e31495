package io.tensorbridge.quantize.lora;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.quantize.NamePattern;
import io.tensorbridge.quantize.internal.json.JsonText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What PEFT writes beside an adapter, {@code adapter_config.json}: the alphas, which its tensors
 * don't tell.
 *
 * @param alpha of all modules; empty if the file tells none, then it is the rank
 * @param rank of all modules; empty if the file tells none
 * @param alphas of modules whose names end so, or match this regular expression at their end
 * @param ranks of such modules
 * @param rankStabilized whether alphas are divided by the root of the rank
 * @param dora whether the modules are DoRAs
 */
record AdapterConfig(
    Optional<Double> alpha,
    Optional<Double> rank,
    Map<String, Double> alphas,
    Map<String, Double> ranks,
    boolean rankStabilized,
    boolean dora) {
  static final String FILE = "adapter_config.json";

  /** Metadata by which diffusers keeps the configs of a pipeline in the adapter itself. */
  static final String PIPELINE_KEY = "lora_adapter_metadata";

  /** Where nothing is told, alpha is the rank. */
  static final AdapterConfig NONE =
      new AdapterConfig(Optional.empty(), Optional.empty(), Map.of(), Map.of(), false, false);

  private static final int LARGEST = 1 << 24;
  private static final String RULE = "a LoRA config of PEFT";

  /** Of what the tensors of a file tell: the metadata {@code lora_alpha} and {@code lora_rank}. */
  static AdapterConfig ofMetadata(Path path, Map<String, String> metadata) {
    Optional<Double> alpha = number(path, metadata, "lora_alpha");
    Optional<Double> rank = number(path, metadata, "lora_rank");
    return new AdapterConfig(alpha, rank, Map.of(), Map.of(), false, false);
  }

  private static Optional<Double> number(Path path, Map<String, String> metadata, String key) {
    String text = metadata.get(key);
    try {
      return Optional.ofNullable(text).map(Double::valueOf);
    } catch (NumberFormatException malformed) {
      throw new FormatException(
          path + ": the metadata " + key + " are \"" + text + "\"; a number is expected",
          -1,
          "numbers in lora_alpha and lora_rank");
    }
  }

  /** Reads the config that lies beside an adapter; empty if there is none. */
  static Optional<AdapterConfig> beside(Path adapter) {
    Path path = adapter.resolveSibling(FILE);
    return Files.exists(path) ? Optional.of(read(path)) : Optional.empty();
  }

  private static AdapterConfig read(Path path) {
    try {
      if (Files.size(path) > LARGEST) {
        throw tooLarge(path);
      }
      return of(path, Files.readAllBytes(path));
    } catch (IOException unreadable) {
      throw new FormatException(
          ErrorCode.FILE_IO,
          path + ": can't be read: " + unreadable.getMessage(),
          -1,
          RULE,
          unreadable);
    }
  }

  /**
   * Reads the text of a config.
   *
   * @param path for messages
   */
  static AdapterConfig of(Path path, byte[] text) {
    if (text.length > LARGEST) {
      throw tooLarge(path);
    }
    try (JsonParser parser = JsonText.factory(Math.max(1, text.length)).createParser(text)) {
      return new Reading(path).read(parser);
    } catch (IOException malformed) {
      throw broken(path, "has malformed JSON: " + malformed.getMessage());
    }
  }

  private static FormatException tooLarge(Path path) {
    return broken(path, "has more than " + LARGEST + " bytes");
  }

  /**
   * Reads what diffusers keeps in the header of an adapter of a pipeline: the members of a config
   * for each component, behind its name and a dot, {@code "unet.lora_alpha": 8}.
   *
   * @return by the names of components
   */
  static Map<String, AdapterConfig> ofPipeline(Path path, String text) {
    Map<String, Reading> readings = new LinkedHashMap<>();
    try (JsonParser parser = JsonText.factory(LARGEST).createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw broken(path, "has no JSON object in " + PIPELINE_KEY);
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        int dot = key.indexOf('.');
        readings
            .computeIfAbsent(key.substring(0, Math.max(dot, 0)), _ -> new Reading(path))
            .readMember(key.substring(dot + 1), parser);
      }
    } catch (IOException malformed) {
      throw broken(path, "has malformed JSON in " + PIPELINE_KEY + ": " + malformed.getMessage());
    }
    Map<String, AdapterConfig> configs = new LinkedHashMap<>();
    readings.forEach((component, reading) -> configs.put(component, reading.config()));
    return configs;
  }

  private static FormatException broken(Path path, String what) {
    return new FormatException(path + ": " + what + "; " + RULE + " is expected", -1, RULE);
  }

  /** What was read of a config so far. */
  private static final class Reading {
    private final Path path;
    private final Map<String, Double> numbers = new LinkedHashMap<>();
    private final Map<String, Boolean> flags = new LinkedHashMap<>();
    private final Map<String, Double> alphas = new LinkedHashMap<>();
    private final Map<String, Double> ranks = new LinkedHashMap<>();

    Reading(Path path) {
      this.path = path;
    }

    AdapterConfig read(JsonParser parser) throws IOException {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw broken(path, "is no JSON object");
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        readMember(parser.currentName(), parser);
      }
      return config();
    }

    AdapterConfig config() {
      if (flags.getOrDefault("fan_in_fan_out", false)) {
        throw broken(path, "has fan_in_fan_out, for weights stored as [in, out], not merged here");
      }
      return new AdapterConfig(
          Optional.ofNullable(numbers.get("lora_alpha")),
          Optional.ofNullable(numbers.get("r")),
          Collections.unmodifiableMap(alphas),
          Collections.unmodifiableMap(ranks),
          flags.getOrDefault("use_rslora", false),
          flags.getOrDefault("use_dora", false));
    }

    private void readMember(String key, JsonParser parser) throws IOException {
      JsonToken token = parser.nextToken();
      if (key.equals("peft_type") && !"LORA".equals(parser.getText())) {
        throw broken(path, "is for " + parser.getText());
      } else if (token == JsonToken.START_OBJECT
          && (key.equals("alpha_pattern") || key.equals("rank_pattern"))) {
        readPattern(parser, key.equals("alpha_pattern") ? alphas : ranks);
      } else if (token.isNumeric()) {
        numbers.put(key, parser.getDoubleValue());
      } else if (token.isBoolean()) {
        flags.put(key, parser.getBooleanValue());
      } else {
        parser.skipChildren();
      }
    }

    private void readPattern(JsonParser parser, Map<String, Double> values) throws IOException {
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String pattern = parser.currentName();
        if (!parser.nextToken().isNumeric()) {
          throw broken(path, "has no number for the modules \"" + pattern + "\"");
        }
        compile(path, pattern);
        values.put(pattern, parser.getDoubleValue());
      }
    }
  }

  private static NamePattern compile(Path path, String pattern) {
    try {
      return NamePattern.of("(?:.*\\.)?(?:" + pattern + ")");
    } catch (IllegalArgumentException malformed) {
      throw broken(
          path,
          "has the malformed pattern \"" + pattern + "\", which " + malformed.getMessage());
    }
  }

  /** The alpha of a module, by PEFT's rule for patterns; empty if it is the rank. */
  Optional<Double> alphaOf(Path path, String module) {
    return valueOf(path, module, alphas).or(() -> alpha);
  }

  /** The rank that a module should have; empty if that isn't told. */
  Optional<Double> rankOf(Path path, String module) {
    return valueOf(path, module, ranks).or(() -> rank);
  }

  private static Optional<Double> valueOf(
      Path path, String module, Map<String, Double> values) {
    for (Map.Entry<String, Double> entry : values.entrySet()) {
      String pattern = entry.getKey();
      if (module.equals(pattern)
          || module.endsWith("." + pattern)
          || compile(path, pattern).matches(module)) {
        return Optional.of(entry.getValue());
      }
    }
    return Optional.empty();
  }

  /** As PEFT reads it. */
  byte[] toJson(Iterable<String> targets) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JsonText.factory(LARGEST).createGenerator(bytes)) {
      json.setPrettyPrinter(new DefaultPrettyPrinter());
      json.writeStartObject();
      json.writeStringField("peft_type", "LORA");
      json.writeNumberField("r", rank.orElse(1.0).intValue());
      json.writeNumberField("lora_alpha", alpha.orElse(rank.orElse(1.0)));
      json.writeBooleanField("use_rslora", rankStabilized);
      json.writeBooleanField("use_dora", dora);
      json.writeStringField("bias", "none");
      json.writeArrayFieldStart("target_modules");
      for (String target : targets) {
        json.writeString(target);
      }
      json.writeEndArray();
      json.writeObjectFieldStart("rank_pattern");
      for (Map.Entry<String, Double> entry : ranks.entrySet()) {
        json.writeNumberField(entry.getKey(), entry.getValue().intValue());
      }
      json.writeEndObject();
      json.writeObjectFieldStart("alpha_pattern");
      for (Map.Entry<String, Double> entry : alphas.entrySet()) {
        json.writeNumberField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      json.writeEndObject();
      json.writeRaw('\n');
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return bytes.toByteArray();
  }
}
