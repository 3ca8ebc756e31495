package io.tensorbridge.quantize.model;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.checkpoint.StoredEntry;
import io.tensorbridge.quantize.checkpoint.StoredEntry.Content;
import io.tensorbridge.quantize.internal.json.JsonText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * The beginning of a model file for those who write the tensors themselves, and where each of them
 * goes: the same bytes as {@link ModelConversion} gives for the same tensors.
 *
 * <p>What is to be written comes as text:
 *
 * <pre>{@code
 * {"container": "gguf", "scheme": "q8_0", "metadata": {"key": "text"},
 *  "tensors": [{"name": "a.weight", "scheme": "q8_0", "shape": [320, 320], "source": "f32"}, ...]}
 * }</pre>
 *
 * <p>A tensor's scheme may be a dtype: its bytes are written as they are. The {@code source} is the
 * dtype that was quantized, {@code f32} if it isn't told. The scheme of all is what GGUF's file type
 * tells.
 */
public final class ModelHeader {
  private static final int LARGEST_TEXT = 1 << 30;
  private static final Path NAME = Path.of("the model");
  private static final String RULE = "container, scheme, metadata and tensors of a model";

  private String container = "";
  private String scheme = "";
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final List<Saved> tensors = new ArrayList<>();

  private final ByteArrayOutputStream rest = new ByteArrayOutputStream();
  private byte[] layoutJson = {};
  private byte[] head = {};

  /** A tensor of the text. */
  private record Saved(String name, String scheme, Shape shape, DType source) {
    /** Of what is written as it is; empty for what has a scheme. */
    Optional<DType> dtype() {
      return ModelHeader.dtype(scheme);
    }
  }

  private ModelHeader() {}

  /**
   * Lays a file out.
   *
   * @param json what is to be written, UTF-8
   * @param formats gives the format of a name, or null
   * @param parts the bytes of the parts behind the first of every tensor of several parts, in their
   *     order; asked for only where a container stores something that is made of them
   * @return the layout
   * @throws FormatException if the text is malformed, or the container can't hold a tensor
   * @throws TensorException if a scheme is impossible for a shape
   */
  public static ModelHeader of(
      byte[] json, Map<String, TensorFileFormat> formats, IntFunction<MemorySegment> parts) {
    ModelHeader header = new ModelHeader();
    header.parse(json);
    TensorFileFormat format = formats.get(header.container);
    if (format == null) {
      throw broken("has the container \"" + header.container + "\"; possible are "
          + String.join(", ", formats.keySet()));
    }
    header.layOut(format, parts);
    return header;
  }

  private void parse(byte[] json) {
    try (JsonParser parser = JsonText.factory(Math.max(1, json.length)).createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw broken("is no JSON object");
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        parser.nextToken();
        switch (key) {
          case "container" -> container = parser.getValueAsString("");
          case "scheme" -> scheme = parser.getValueAsString("");
          case "metadata" -> readMetadata(parser);
          case "tensors" -> readTensors(parser);
          default -> parser.skipChildren();
        }
      }
    } catch (IOException malformed) {
      throw broken("has malformed JSON: " + malformed.getMessage());
    }
  }

  private void readMetadata(JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw broken("has metadata that are no object");
    }
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      metadata.put(key, parser.getValueAsString(""));
    }
  }

  private void readTensors(JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw broken("has no list of tensors");
    }
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      tensors.add(readTensor(parser));
    }
  }

  private static Saved readTensor(JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      throw broken("has a tensor that is no object");
    }
    String name = "";
    String scheme = "";
    String source = "f32";
    Shape shape = Shape.of();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "name" -> name = parser.getValueAsString("");
        case "scheme" -> scheme = parser.getValueAsString("");
        case "source" -> source = parser.getValueAsString("");
        case "shape" -> shape = shape(ModelTable.readShape(parser));
        default -> parser.skipChildren();
      }
    }
    String told = source;
    DType dtype =
        dtype(source).orElseThrow(() -> broken("has a tensor of the dtype \"" + told + "\""));
    return new Saved(name, scheme, shape, dtype);
  }

  private static Shape shape(long[] extents) {
    try {
      return Shape.of(extents);
    } catch (BridgeException impossible) {
      throw broken("has a shape whose " + impossible.getMessage());
    }
  }

  private static Optional<DType> dtype(String text) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equalsIgnoreCase(text)) {
        return Optional.of(dtype);
      }
    }
    return Optional.empty();
  }

  private static FormatException broken(String what) {
    return new FormatException(NAME + " " + what + "; it has " + RULE, -1, RULE);
  }

  private void layOut(TensorFileFormat format, IntFunction<MemorySegment> parts) {
    List<TensorPlan> plans = new ArrayList<>(tensors.size());
    List<List<Source>> sources = new ArrayList<>(tensors.size());
    int further = 0;
    for (Saved tensor : tensors) {
      try {
        if (tensor.dtype().isPresent()) {
          plans.add(kept(tensor, tensor.dtype().get()));
          sources.add(List.of(new Source.Part(tensor.name(), "data")));
        } else {
          QuantScheme made = QuantScheme.parse(tensor.scheme());
          if (!format.holds(made.toString())) {
            throw broken("has \"" + tensor.name() + "\" as " + made + ", which " + format.name()
                + " files can't hold; save another kind of file");
          }
          List<OutputSpec> specs = made.parts(tensor.shape());
          TensorPlan plan = ConversionPlanner.stored(plain(tensor), made, tensor.source(), format);
          plans.add(plan);
          sources.add(sources(tensor, plan, specs, further, parts));
          further += specs.size() - 1;
        }
      } catch (TensorException refused) {
        throw refused.tensorName().isEmpty() ? refused.named(tensor.name()) : refused;
      } catch (BridgeException impossible) {
        throw broken("has \"" + tensor.name() + "\": " + impossible.getMessage());
      }
    }
    OutputFile file =
        new OutputFile(
            format, NAME, scheme, Map.of(),
            ShardedSafetensorsWriter.DEFAULT_SHARD_BYTES);
    FileLayout layout = file.layout(ModelArrays.of(Map.of(), metadata), plans);
    head = layout.head();
    layoutJson = write(layout, plans, sources);
  }

  private static ModelTensor plain(Saved tensor) {
    TensorEntry entry =
        TensorEntry.of(tensor.name(), new TensorType(tensor.source(), tensor.shape()));
    return new ModelTensor(
        tensor.name(), tensor.shape(), entry.encoding(), Optional.empty(), List.of(entry),
        Optional.empty());
  }

  private static TensorPlan kept(Saved tensor, DType dtype) {
    TensorEntry entry = TensorEntry.of(tensor.name(), new TensorType(dtype, tensor.shape()));
    return new TensorPlan(
        plain(tensor), new TensorPlan.Treatment.Copy(), List.of(entry), "");
  }

  /** Where the bytes of an entry come from. */
  private sealed interface Source {
    /** A part of a tensor, that the caller has. */
    record Part(String tensor, String part) implements Source {}

    /** Bytes behind the others of {@link #rest}. */
    record Rest(int begin) implements Source {}
  }

  private List<Source> sources(
      Saved tensor, TensorPlan plan, List<OutputSpec> specs, int further,
      IntFunction<MemorySegment> parts) {
    List<Source> sources = new ArrayList<>();
    if (!(plan.treatment() instanceof TensorPlan.Treatment.Quantize quantize)) {
      throw new IllegalStateException(plan.toString());
    }
    for (StoredEntry entry : quantize.entries()) {
      sources.add(
          switch (entry.content()) {
            case Content.Part(int index) ->
                new Source.Part(tensor.name(), specs.get(index).name());
            case Content.Constant(byte[] bytes) -> toRest(bytes);
            case Content.Converted(int index, var conversion) -> {
              MemorySegment part = parts.apply(further + index - 1);
              if (part.byteSize() != specs.get(index).type().byteLength()) {
                throw new TensorException(
                    ErrorCode.BAD_SHAPE, tensor.name(), -1,
                    "has a part " + specs.get(index).name() + " of " + part.byteSize()
                        + " bytes, not " + specs.get(index).type(),
                    null);
              }
              yield toRest(conversion.apply(part.toArray(ValueLayout.JAVA_BYTE)));
            }
          });
    }
    return sources;
  }

  private Source toRest(byte[] bytes) {
    int begin = rest.size();
    rest.writeBytes(bytes);
    return new Source.Rest(begin);
  }

  private static byte[] write(
      FileLayout layout, List<TensorPlan> plans, List<List<Source>> sources) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(128 * (plans.size() + 1));
    try (JsonGenerator json = JsonText.factory(LARGEST_TEXT).createGenerator(bytes)) {
      json.writeStartObject();
      json.writeNumberField("total", layout.byteSize());
      json.writeArrayFieldStart("parts");
      int entry = 0;
      for (int i = 0; i < plans.size(); i++) {
        List<TensorEntry> outputs = plans.get(i).outputs();
        for (int k = 0; k < outputs.size(); k++) {
          json.writeStartObject();
          switch (sources.get(i).get(k)) {
            case Source.Part(String tensor, String part) -> {
              json.writeStringField("tensor", tensor);
              json.writeStringField("part", part);
            }
            case Source.Rest(int begin) -> json.writeNumberField("rest", begin);
          }
          json.writeNumberField("offset", layout.offsets()[entry++]);
          json.writeNumberField("bytes", outputs.get(k).byteLength());
          json.writeEndObject();
        }
      }
      json.writeEndArray();
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return bytes.toByteArray();
  }

  /**
   * The first bytes of the file.
   *
   * @return a new array
   */
  public byte[] head() {
    return head.clone();
  }

  /**
   * Where everything else goes: {@code {"total": bytes of the file, "parts": [{"tensor", "part",
   * "offset", "bytes"} or {"rest": first byte, "offset", "bytes"}, ...]}}.
   *
   * @return JSON in UTF-8
   */
  public byte[] layoutJson() {
    return layoutJson.clone();
  }

  /**
   * What the container stores beside the parts, for example the state of bitsandbytes.
   *
   * @return the bytes that entries with {@code rest} point into
   */
  public byte[] rest() {
    return rest.toByteArray();
  }
}
