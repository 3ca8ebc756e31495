package io.tensorbridge.quantize.internal.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.QuantizedTensor;
import io.tensorbridge.quantize.Quantizer;
import io.tensorbridge.quantize.model.ConversionOptions;
import io.tensorbridge.quantize.model.ModelConversion;
import io.tensorbridge.quantize.model.TensorPlan;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A file that is put together of head and parts is the one that a conversion writes. */
final class ModelHeaderOpTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();

  @TempDir
  private Path directory;

  private static Tensor memory(byte[] bytes) {
    return Tensor.of(
        Arena.ofAuto().allocateFrom(ValueLayout.JAVA_BYTE, bytes), DType.U8,
        Shape.of(bytes.length));
  }

  private static List<byte[]> run(String json, List<Tensor> parts) {
    List<Tensor> inputs = new ArrayList<>();
    inputs.add(memory(json.getBytes(StandardCharsets.UTF_8)));
    inputs.addAll(parts);
    OpPlan plan =
        new ModelHeaderOp().plan(inputs.stream().map(Tensor::type).toList(), Options.NONE);
    MemorySegment value = Arena.ofAuto().allocate(OpMemory.VALUE_BYTES);
    Outcome.NeedsSpace waiting =
        (Outcome.NeedsSpace) finish(plan.bind(new OpMemory(inputs, List.of(), value)));
    List<Tensor> outputs = new ArrayList<>();
    for (OutputSpec spec : waiting.outputs()) {
      TensorType type = spec.type();
      MemorySegment place = Arena.ofAuto().allocate(Math.max(1, type.byteLength()), 8);
      outputs.add(Tensor.of(place.asSlice(0, type.byteLength()), type.dtype(), type.shape()));
    }
    assertThat(waiting.outputs()).extracting(OutputSpec::name)
        .containsExactly("head", "layout", "rest");
    assertThat(finish(waiting.resume().apply(outputs))).isEqualTo(Outcome.DONE);
    return outputs.stream().map(one -> one.data().toArray(ValueLayout.JAVA_BYTE)).toList();
  }

  private static Outcome finish(OpRun run) {
    for (int chunk = 0; chunk < run.chunkCount(0); chunk++) {
      run.runChunk(0, chunk);
    }
    return run.finish();
  }

  private Path model() {
    List<TensorEntry> entries =
        List.of(
            entry("b.weight", DType.F32, 64, 256),
            entry("a.conv.weight", DType.F32, 32, 32, 3, 3),
            entry("a.bias", DType.F32, 32),
            entry("ids", DType.I64, 7));
    Path path = directory.resolve("model.safetensors");
    Random random = new Random(4);
    try (TensorFileWriter writer =
        FORMATS.forPath(path).create(path, entries, Map.of("made", "for a test"));
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.size(); i++) {
        MemorySegment bytes = arena.allocate(entries.get(i).byteLength(), 8);
        for (long at = 0; at < bytes.byteSize(); at += 4) {
          bytes.set(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian());
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
    return path;
  }

  private static TensorEntry entry(String name, DType dtype, long... extents) {
    return TensorEntry.of(name, new TensorType(dtype, Shape.of(extents)));
  }

  @ParameterizedTest
  @CsvSource({
      "q8_0, gguf", "q4_k, gguf", "f16, gguf", "f16, safetensors",
      "'uniform:bits=4,group=32', safetensors", "'nf4:block=64', safetensors",
      "'nf4:block=64,double=true', safetensors", "int8:rule=bnb, safetensors",
      "'int4:layout=compressed-tensors,group=32', safetensors", "fp8_e4m3, safetensors",
      "fp8_e4m3:scale=row, safetensors", "mxfp8, safetensors"})
  void givesTheFileOfAConversion(String scheme, String container) throws IOException {
    Path model = model();
    Path converted = directory.resolve("converted." + container);
    List<TensorPlan> plans;
    try (ModelConversion conversion =
        ModelConversion.quantize(
            FORMATS, model, converted, ConversionOptions.of(QuantScheme.parse(scheme)))) {
      plans = conversion.plans();
      conversion.run(1, (done, total) -> {});
    }
    Map<String, byte[]> parts = new HashMap<>();
    List<Tensor> further = new ArrayList<>();
    List<String> tensors = new ArrayList<>();
    try (TensorFile source = FORMATS.forPath(model).open(model)) {
      for (TensorPlan plan : plans) {
        String name = plan.source().name();
        String shape =
            Arrays.stream(plan.source().shape().dimensions()).mapToObj(Long::toString)
                .collect(Collectors.joining(", "));
        tensors.add(
            "{\"name\": \"%s\", \"scheme\": \"%s\", \"shape\": [%s]}"
                .formatted(name, plan.encoding(), shape));
        Tensor weight = source.tensor(name);
        if (!(plan.treatment() instanceof TensorPlan.Treatment.Quantize quantize)) {
          parts.put(name + "/data", weight.segment().toArray(ValueLayout.JAVA_BYTE));
          continue;
        }
        try (QuantizedTensor made =
            Quantizer.of(quantize.quantization().scheme()).quantize(weight)) {
          for (int i = 0; i < made.parts().size(); i++) {
            byte[] bytes = made.parts().get(i).segment().toArray(ValueLayout.JAVA_BYTE);
            parts.put(name + "/" + quantize.quantization().parts().get(i).name(), bytes);
            if (i > 0) {
              further.add(memory(bytes));
            }
          }
        }
      }
    }
    List<byte[]> made =
        run(
            """
                {"container": "%s", "scheme": "%s", "metadata": {"made": "for a test"},
                 "tensors": [%s]}"""
                .formatted(
                    container, QuantScheme.parse(scheme), String.join(", ", tensors)),
            further);
    Path assembled = directory.resolve("assembled." + container);
    Files.write(assembled, assemble(made, parts));
    assertThat(assembled).hasSameBinaryContentAs(converted);
  }

  private static byte[] assemble(List<byte[]> made, Map<String, byte[]> parts) throws IOException {
    try (JsonParser parser = new JsonFactory().createParser(made.get(1))) {
      ByteBuffer file = ByteBuffer.allocate(0);
      while (parser.nextToken() != null) {
        if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT
            && parser.currentName().equals("total")) {
          file = ByteBuffer.allocate(parser.getIntValue()).put(0, made.get(0));
        } else if (parser.currentToken() == JsonToken.START_ARRAY) {
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            put(file, parser, made.get(2), parts);
          }
        }
      }
      return file.array();
    }
  }

  private static void put(
      ByteBuffer file, JsonParser parser, byte[] rest, Map<String, byte[]> parts)
      throws IOException {
    Map<String, String> place = new HashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      place.put(key, parser.getText());
    }
    int offset = Integer.parseInt(place.get("offset"));
    int length = Integer.parseInt(place.get("bytes"));
    if (place.containsKey("rest")) {
      file.put(offset, rest, Integer.parseInt(place.get("rest")), length);
    } else {
      byte[] part = parts.get(place.get("tensor") + "/" + place.get("part"));
      assertThat(part).hasSize(length);
      file.put(offset, part);
    }
  }

  @Test
  void refusesWhatNoFileCanHold() {
    assertRefused("[]", "JSON");
    assertRefused("{\"container\": \"zip\", \"tensors\": []}", "zip");
    assertRefused("{\"container\": \"gguf\", \"tensors\": [1]}", "object");
    assertRefused(text("gguf", "\"nf4\", \"shape\": [8, 64]"), "nf4");
    assertRefused(text("gguf", "\"q8_0\", \"shape\": [8, 33]"), "w");
    assertRefused(text("gguf", "\"nothing\", \"shape\": [8, 32]"), "nothing");
    assertRefused(text("gguf", "\"q8_0\", \"shape\": [8, 32], \"source\": \"x\""), "x");
    assertRefused(text("gguf", "\"q8_0\", \"shape\": [-8, 32]"), "-8");
    assertThatThrownBy(
        () -> run(
            text("safetensors", "\"nf4:block=64,double=true\", \"shape\": [8, 64]"), List.of()))
        .isInstanceOf(TensorException.class).hasMessageContaining("parts");
  }

  private static String text(String container, String scheme) {
    return """
        {"container": "%s", "tensors": [{"name": "w", "scheme": %s}]}"""
        .formatted(container, scheme);
  }

  private static void assertRefused(String json, String reason) {
    assertThatThrownBy(() -> run(json, List.of()))
        .satisfiesAnyOf(
            thrown -> assertThat(thrown).isInstanceOf(FormatException.class),
            thrown -> assertThat(thrown).isInstanceOf(TensorException.class))
        .hasMessageContaining(reason);
  }
}
