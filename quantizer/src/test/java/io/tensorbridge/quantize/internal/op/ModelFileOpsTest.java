package io.tensorbridge.quantize.internal.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.OptionException;
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
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.LoraModule;
import io.tensorbridge.quantize.model.ConversionOptions;
import io.tensorbridge.quantize.model.ModelConversion;
import io.tensorbridge.quantize.model.SchemeOverride;
import io.tensorbridge.quantize.model.TensorPlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The operations that read files which the caller has opened. */
final class ModelFileOpsTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();
  private static final Path RESOURCES =
      Path.of(System.getProperty("tensorbridge.root"), "quantizer/src/test/resources");

  private final OpRegistry registry = OpRegistry.ofServices();

  @TempDir
  private Path directory;

  private List<Tensor> run(String operation, Map<String, String> options, byte[]... inputs) {
    List<Tensor> tensors = new ArrayList<>();
    for (byte[] input : inputs) {
      tensors.add(
          Tensor.of(
              Arena.ofAuto().allocateFrom(ValueLayout.JAVA_BYTE, input), DType.U8,
              Shape.of(input.length)));
    }
    OpPlan plan =
        registry.get(operation)
            .plan(tensors.stream().map(Tensor::type).toList(), Options.of(options));
    assertThat(plan.outputs()).isEmpty();
    MemorySegment value = Arena.ofAuto().allocate(OpMemory.VALUE_BYTES);
    Outcome outcome = finish(plan.bind(new OpMemory(tensors, List.of(), value)));
    Outcome.NeedsSpace waiting = (Outcome.NeedsSpace) outcome;
    List<Tensor> outputs = new ArrayList<>();
    for (OutputSpec spec : waiting.outputs()) {
      TensorType type = spec.type();
      MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, type.byteLength()), 8);
      outputs.add(Tensor.of(memory, type.dtype(), type.shape()));
    }
    assertThat(finish(waiting.resume().apply(outputs))).isEqualTo(Outcome.DONE);
    return outputs;
  }

  private static Outcome finish(OpRun run) {
    for (int phase = 0; phase < run.phaseCount(); phase++) {
      for (int chunk = 0; chunk < run.chunkCount(phase); chunk++) {
        run.runChunk(phase, chunk);
      }
    }
    return run.finish();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] file(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  /** Objects as maps, lists as lists, numbers as doubles. */
  private static Object parse(Tensor text) {
    try (JsonParser parser =
        new JsonFactory().createParser(text.data().toArray(ValueLayout.JAVA_BYTE))) {
      parser.nextToken();
      return value(parser);
    } catch (IOException malformed) {
      throw new UncheckedIOException(malformed);
    }
  }

  private static Object value(JsonParser parser) throws IOException {
    JsonToken token = parser.currentToken();
    if (token == JsonToken.START_OBJECT) {
      Map<String, Object> members = new LinkedHashMap<>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        parser.nextToken();
        members.put(key, value(parser));
      }
      return members;
    }
    if (token == JsonToken.START_ARRAY) {
      List<Object> items = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        items.add(value(parser));
      }
      return items;
    }
    return token.isNumeric() ? (Object) parser.getDoubleValue() : parser.getText();
  }

  @SuppressWarnings("unchecked") // as parse() makes them
  private static List<Map<String, Object>> list(Tensor text, String key) {
    return (List<Map<String, Object>>) ((Map<String, Object>) parse(text)).get(key);
  }

  private Path model() {
    Path path = directory.resolve("model.safetensors");
    List<TensorEntry> entries =
        List.of(
            TensorEntry.of("a.weight", new TensorType(DType.F32, Shape.of(8, 512))),
            TensorEntry.of("b.weight", new TensorType(DType.F16, Shape.of(4, 48))),
            TensorEntry.of("a.bias", new TensorType(DType.F16, Shape.of(8))),
            TensorEntry.of("c.weight", new TensorType(DType.BF16, Shape.of(2, 32, 3, 3))),
            TensorEntry.of("ids", new TensorType(DType.I32, Shape.of(7))));
    try (TensorFileWriter writer =
        FORMATS.forPath(path).create(path, entries, Map.of("made by", "a test"))) {
      writer.commit();
    }
    return path;
  }

  private static String table(Path path) {
    try (TensorFile file = FORMATS.forPath(path).open(path)) {
      return file.entries().stream()
          .map(
              entry -> "{\"name\": \"" + entry.name() + "\", \"dtype\": \"" + entry.encoding()
                  + "\", \"shape\": [" + entry.shape().toString().replaceAll("[() ]", "")
                      .replaceAll(",$", "")
                  + "]}")
          .collect(Collectors.joining(", ", "{\"tensors\": [", "], \"other\": {}}"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"q8_0", "q4_k", "nf4", "f16", "uniform:bits=4,group=32"})
  void plansWhatAConversionWrites(String scheme) {
    Path model = model();
    Map<String, String> options =
        Map.of("scheme", scheme, "overrides", "[[\"b\\\\..*\", \"f16\"]]");
    boolean ggml = !scheme.startsWith("nf4") && !scheme.startsWith("uniform");
    Path target = directory.resolve(ggml ? "out.gguf" : "out.safetensors");
    ConversionOptions conversion =
        ConversionOptions.of(QuantScheme.parse(scheme));
    conversion =
        new ConversionOptions(
            conversion.scheme(), List.of(SchemeOverride.of("b\\..*", "f16")),
            conversion.nonFinite(), false);
    List<Map<String, Object>> planned =
        list(run("model_plan", options, file(model)).getFirst(), "tensors");
    List<Map<String, Object>> ofTable =
        list(
            run("model_plan", with(options, "container", "table"), bytes(table(model)))
                .getFirst(),
            "tensors");
    byte[] stored = file(model);
    try (ModelConversion expected =
        ModelConversion.quantize(FORMATS, model, target, conversion);
        TensorFile input = FORMATS.forPath(model).open(model)) {
      assertThat(planned).hasSameSizeAs(expected.plans());
      for (int i = 0; i < planned.size(); i++) {
        TensorPlan plan = expected.plans().get(i);
        Map<String, Object> found = planned.get(i);
        assertThat(found).containsEntry("name", plan.source().name())
            .containsEntry("dtype", plan.source().encoding())
            .containsEntry("note", plan.note())
            .containsEntry("bytes", (double) plan.source().byteLength());
        assertThat(found.get("scheme"))
            .isEqualTo(
                plan.treatment() instanceof TensorPlan.Treatment.Copy ? "null" : plan.encoding());
        int offset = ((Double) found.get("offset")).intValue();
        MemorySegment there =
            MemorySegment.ofArray(stored).asSlice(offset, plan.source().byteLength());
        assertThat(there.mismatch(input.bytes(plan.source().name()))).isEqualTo(-1);
        Map<String, Object> row = ofTable.get(i);
        assertThat(row).containsEntry("offset", "null");
        row.put("offset", found.get("offset"));
        assertThat(row).isEqualTo(found);
      }
    }
  }

  private static Map<String, String> with(Map<String, String> options, String key, String value) {
    Map<String, String> more = new LinkedHashMap<>(options);
    more.put(key, value);
    return more;
  }

  @Test
  void refusesModelsAndOptionsThatAreNone() {
    byte[] model = file(model());
    Map<String, String> q8 = Map.of("scheme", "q8_0");
    assertThatThrownBy(() -> run("model_plan", q8, new byte[5]))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("the model, byte 0");
    byte[] cut = Arrays.copyOf(model, model.length - 1);
    assertThatThrownBy(() -> run("model_plan", q8, cut))
        .hasMessageContaining("tensors within the file");
    assertThatThrownBy(() -> run("model_plan", with(q8, "container", "zip"), model))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("take safetensors or table");
    assertThatThrownBy(() -> run("model_plan", with(q8, "overrides", "[[\"a\"]]"), model))
        .hasMessageContaining("is no list of pairs");
    for (String hostile : List.of("(a*)*\\\\1", "(((a{100}){100}){100}){100}")) {
      String overrides = "[[\"" + hostile + "\", \"f16\"]]";
      assertThatThrownBy(() -> run("model_plan", with(q8, "overrides", overrides), model))
          .isInstanceOf(OptionException.class)
          .hasMessageContaining(hostile.replace("\\\\", "\\"));
    }
    assertThatThrownBy(() -> run("model_plan", with(q8, "target", "npz"), model))
        .hasMessageContaining("take one of [gguf, safetensors]");
    assertThatThrownBy(
        () -> run("model_plan", Map.of("scheme", "nf4", "target", "gguf"), model))
        .hasMessageContaining("gguf files can't hold nf4");
    Map<String, String> table = with(q8, "container", "table");
    assertThatThrownBy(() -> run("model_plan", table, bytes("{\"tensors\": [{\"name\": 3}]}")))
        .isInstanceOf(FormatException.class);
    assertThatThrownBy(() -> run("model_plan", table, bytes("{\"tensors\"")))
        .hasMessageContaining("malformed JSON");
    assertThatThrownBy(
        () -> run(
            "model_plan", table,
            bytes("{\"tensors\": [{\"name\": \"a\", \"dtype\": \"q9\", \"shape\": []}]}")))
        .hasMessageContaining("of the dtype \"q9\"");
  }

  private Path resource(String name) {
    return RESOURCES.resolve("lora").resolve(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"kohya", "dora"})
  void readsAdaptersAsFilesAreRead(String name) {
    Path path = resource(name + ".safetensors");
    LoraAdapter expected = LoraAdapter.read(FORMATS, path);
    Map<String, String> options = Map.of("name", path.toString());
    List<Tensor> found =
        run(
            "lora_read", options, file(path),
            bytes(table(resource("base.safetensors"))));
    List<Map<String, Object>> modules = list(found.getFirst(), "modules");
    assertThat(modules).hasSameSizeAs(expected.modules());
    MemorySegment values = found.get(1).data();
    long count = 0;
    for (int i = 0; i < modules.size(); i++) {
      LoraModule module = expected.modules().get(i);
      Map<String, Object> row = modules.get(i);
      assertThat(row)
          .containsEntry("module", module.name())
          .containsEntry("rank", (double) module.rank())
          .containsEntry("alpha", module.alpha())
          .containsEntry("ratio", module.ratio())
          .containsEntry("rows", (double) module.rows())
          .containsEntry("columns", (double) module.columns());
      count += requireSame(values, row.get("down"), Optional.of(module.foldedDown()));
      count += requireSame(values, row.get("up"), Optional.of(module.up()));
      count += requireSame(values, row.get("magnitude"), module.magnitude());
    }
    assertThat(values.byteSize()).isEqualTo(count * Float.BYTES);
  }

  private static long requireSame(MemorySegment values, Object first, Optional<Tensor> expected) {
    if (expected.isEmpty()) {
      assertThat(first).isEqualTo("null");
      return 0;
    }
    long bytes = expected.get().byteLength();
    MemorySegment found = values.asSlice(((Double) first).longValue() * Float.BYTES, bytes);
    assertThat(found.mismatch(expected.get().data())).isEqualTo(-1);
    return bytes / Float.BYTES;
  }

  @Test
  void refusesAdaptersOfOtherModels() {
    byte[] adapter = file(resource("kohya.safetensors"));
    byte[] other = bytes("{\"tensors\": [{\"name\": \"x.weight\", \"shape\": [4, 4]}]}");
    assertThatThrownBy(() -> run("lora_read", Map.of("name", "k.safetensors"), adapter, other))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("k.safetensors: ")
        .hasMessageContaining("modules don't fit the model");
    byte[] base = bytes(table(resource("base.safetensors")));
    assertThatThrownBy(() -> run("lora_read", Map.of(), base, base))
        .isInstanceOf(FormatException.class);
    assertThatThrownBy(() -> run("lora_read", Map.of(), adapter))
        .hasMessageContaining("lora_read takes 2 to 3 tensors, not 1");
    assertThatThrownBy(
        () -> run("lora_read", Map.of("allow_unmatched", "yes"), adapter, base))
        .isInstanceOf(OptionException.class);
  }
}
