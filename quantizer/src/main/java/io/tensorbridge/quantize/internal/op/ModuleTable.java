package io.tensorbridge.quantize.internal.op;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.internal.json.JsonText;
import io.tensorbridge.quantize.lora.LoraFactors;
import io.tensorbridge.quantize.lora.LoraModule;
import io.tensorbridge.quantize.lora.MatchedAdapter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The modules of an adapter as text, and all their factors one behind the other. */
final class ModuleTable {
  private static final int LARGEST_TEXT = 1 << 30;
  private static final int ALIGNMENT = 64;

  private final ByteArrayOutputStream text = new ByteArrayOutputStream();
  private final MemorySegment values;
  private long placed;

  private ModuleTable(MemorySegment values) {
    this.values = values;
  }

  static ModuleTable of(MatchedAdapter adapter) {
    long count = 0;
    for (LoraModule module : adapter.modules().values()) {
      count += module.rank() * (module.rows() + module.columns());
      count += module.magnitude().isPresent() ? module.rows() : 0;
    }
    long bytes = Math.max(1, count) * Float.BYTES;
    MemorySegment memory = Arena.ofAuto().allocate(bytes, ALIGNMENT);
    ModuleTable table = new ModuleTable(memory.asSlice(0, count * Float.BYTES));
    table.write(adapter);
    return table;
  }

  private void write(MatchedAdapter adapter) {
    try (JsonGenerator json = JsonText.factory(LARGEST_TEXT).createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField(
          "format", adapter.adapter().format().name().toLowerCase(Locale.ROOT));
      json.writeArrayFieldStart("modules");
      for (Map.Entry<String, LoraModule> entry : adapter.modules().entrySet()) {
        write(json, entry.getKey(), entry.getValue());
      }
      json.writeEndArray();
      json.writeArrayFieldStart("unmatched");
      for (String line : adapter.unmatched()) {
        json.writeString(line);
      }
      json.writeEndArray();
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  private void write(JsonGenerator json, String tensor, LoraModule module) throws IOException {
    LoraFactors factors = module.factors();
    json.writeStartObject();
    json.writeStringField("module", module.name());
    json.writeStringField("tensor", tensor);
    json.writeNumberField("rank", module.rank());
    json.writeNumberField("alpha", module.alpha());
    json.writeNumberField("ratio", module.ratio());
    json.writeNumberField("rows", module.rows());
    json.writeNumberField("columns", module.columns());
    json.writeNumberField("down", place(factors.down(), module.rank() * module.columns()));
    json.writeNumberField("up", place(factors.up(), module.rank() * module.rows()));
    Optional<FloatSource> magnitude = factors.magnitude();
    if (magnitude.isPresent()) {
      json.writeNumberField("magnitude", place(magnitude.get(), module.rows()));
    } else {
      json.writeNullField("magnitude");
    }
    json.writeEndObject();
  }

  /** Copies a factor and gives the index of its first element. */
  private long place(FloatSource factor, long count) {
    long first = placed;
    factor.read(0, values.asSlice(first * Float.BYTES, count * Float.BYTES));
    placed += count;
    return first;
  }

  byte[] json() {
    return text.toByteArray();
  }

  /** Native float32. */
  MemorySegment values() {
    return values;
  }
}
