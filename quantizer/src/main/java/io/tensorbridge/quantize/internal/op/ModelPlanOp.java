package io.tensorbridge.quantize.internal.op;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.internal.json.JsonText;
import io.tensorbridge.quantize.lora.LoraDelta;
import io.tensorbridge.quantize.model.ConversionOptions;
import io.tensorbridge.quantize.model.ModelPlan;
import io.tensorbridge.quantize.model.ModelTable;
import io.tensorbridge.quantize.model.SafetensorsFile;
import io.tensorbridge.quantize.model.SchemeOverride;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * {@code model_plan}: the bytes of a model in, or a table of its tensors; what a conversion makes of
 * each of them out, as JSON ({@link ModelPlan#toJson}).
 */
final class ModelPlanOp implements TensorOp {
  private static final int LONGEST_OPTION = 1 << 20;
  private static final Path NAME = Path.of("the model");

  /** Where a result is saved by default: the first that holds the scheme. */
  private static final List<String> TARGETS = List.of("gguf", "safetensors");

  private final TensorFileFormats formats = TensorFileFormats.ofServices();

  @Override
  public String name() {
    return ModelPlanProvider.NAME;
  }

  @Override
  public boolean takesFiles() {
    return true;
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of("container", "target", "scheme", "overrides"));
    ByteInputs.require(name(), inputs, 1, 1);
    String container = options.get("container", "safetensors");
    if (!container.equals("safetensors") && !container.equals("table")) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          "container",
          "\"" + container + "\" is not possible; take safetensors or table");
    }
    QuantScheme scheme = QuantScheme.parse(options.get("scheme", "uniform"));
    ConversionOptions conversion =
        new ConversionOptions(
            scheme, overrides(options.get("overrides", "[]")), NonFinite.ERROR, false);
    return new Plan(
        formats, container.equals("table"), target(options.get("target", ""), scheme), conversion,
        Math.max(1, inputs.getFirst().byteLength()));
  }

  private TensorFileFormat target(String wanted, QuantScheme scheme) {
    if (!wanted.isEmpty() && !TARGETS.contains(wanted)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "target",
          "\"" + wanted + "\" is not possible; take one of " + TARGETS);
    }
    TensorFileFormat last = null;
    for (String name : wanted.isEmpty() ? TARGETS : List.of(wanted)) {
      last = format(name);
      if (last.holds(scheme.toString())) {
        return last;
      }
    }
    if (last == null) {
      throw new IllegalStateException("no format");
    }
    return last;
  }

  private TensorFileFormat format(String name) {
    for (TensorFileFormatProvider provider : formats.providers()) {
      if (provider.name().equals(name)) {
        return provider.create();
      }
    }
    throw new IllegalStateException(name + " files are not known");
  }

  private static List<SchemeOverride> overrides(String json) {
    List<SchemeOverride> overrides = new ArrayList<>();
    try (JsonParser parser = JsonText.factory(LONGEST_OPTION).createParser(json)) {
      require(parser.nextToken() == JsonToken.START_ARRAY, json);
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        require(parser.currentToken() == JsonToken.START_ARRAY, json);
        require(parser.nextToken() == JsonToken.VALUE_STRING, json);
        String regex = parser.getText();
        require(parser.nextToken() == JsonToken.VALUE_STRING, json);
        overrides.add(SchemeOverride.of(regex, parser.getText()));
        require(parser.nextToken() == JsonToken.END_ARRAY, json);
      }
      return overrides;
    } catch (IOException malformed) {
      throw refusal(json);
    }
  }

  private static void require(boolean expected, String json) {
    if (!expected) {
      throw refusal(json);
    }
  }

  private static OptionException refusal(String json) {
    return new OptionException(
        ErrorCode.BAD_OPTION,
        "overrides",
        json + " is no list of pairs; write [[\"REGEX\", \"SCHEME\"], ...]");
  }

  private record Plan(
      TensorFileFormats formats, boolean isTable, TensorFileFormat target,
      ConversionOptions options, long workBytes) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of();
    }

    @Override
    public OpRun bind(OpMemory memory) {
      LoraDelta.warmUp(); // who plans a model like this has a session, where adapters come soon
      Tensor input = memory.inputs().getFirst();
      return ComputedOutputs.of(
          memory.inputs(),
          () -> List.of(ComputedOutputs.Made.text("plan", json(input))));
    }

    private byte[] json(Tensor input) {
      TensorFile file = isTable
          ? ModelTable.parse(ByteInputs.text(input))
          : SafetensorsFile.of(NAME, input.data());
      return ModelPlan.of(formats, file, target, options).toJson();
    }
  }
}
