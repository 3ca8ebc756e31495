package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.Int8Scheme;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.checkpoint.StoredEntry.Content;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * LLM.int8() of bitsandbytes, as {@code Linear8bitLt} saves it: {@code P.weight} (I8, of the original
 * shape), {@code P.SCB} (F32, the greatest magnitude of each row) and {@code P.weight_format} (U8,
 * always 0: rows). A layer saved by itself has no prefix: {@code weight}, {@code SCB}.
 */
final class BitsandbytesInt8 implements CheckpointLayout {
  private static final Int8Scheme SCHEME = new Int8Scheme(Int8Scheme.Rule.BITSANDBYTES);
  private static final String WEIGHT = "weight";
  private static final String SCALES = "SCB";
  private static final String FORMAT = "weight_format";

  @Override
  public String title() {
    return "bitsandbytes";
  }

  @Override
  public boolean takes(QuantScheme scheme) {
    return scheme.equals(SCHEME);
  }

  @Override
  public List<StoredEntry> store(String name, QuantScheme scheme, Shape shape, DType source) {
    OutputSpec scales = scheme.parts(shape).get(1);
    String prefix = prefix(name);
    return List.of(
        new StoredEntry(
            TensorEntry.of(name, new TensorType(DType.I8, shape)), new Content.Part(0)),
        new StoredEntry(TensorEntry.of(within(prefix, SCALES), scales.type()), new Content.Part(1)),
        new StoredEntry(
            TensorEntry.of(within(prefix, FORMAT), new TensorType(DType.U8, Shape.of())),
            new Content.Constant(new byte[1])));
  }

  /** The layer of a weight; a tensor of another name is one by itself. */
  private static String prefix(String name) {
    if (name.equals(WEIGHT)) {
      return "";
    }
    return name.endsWith("." + WEIGHT)
        ? name.substring(0, name.length() - WEIGHT.length() - 1)
        : name;
  }

  private static String within(String prefix, String name) {
    return prefix.isEmpty() ? name : prefix + "." + name;
  }

  @Override
  public List<CheckpointTensor> recognise(CheckpointEntries entries) {
    List<CheckpointTensor> found = new ArrayList<>();
    for (String prefix : entries.stems("." + SCALES)) {
      found.add(recognise(entries, prefix));
    }
    if (entries.find(SCALES) != null && entries.has(WEIGHT, DType.I8)) {
      found.add(recognise(entries, ""));
    }
    return found;
  }

  private static CheckpointTensor recognise(CheckpointEntries entries, String prefix) {
    TensorEntry scales = entries.require(prefix, within(prefix, SCALES));
    boolean separate = entries.has(within(prefix, WEIGHT), DType.I8);
    String name = separate ? within(prefix, WEIGHT) : prefix;
    TensorEntry codes = entries.require(name, name);
    Shape shape = codes.shape();
    OutputSpec expected = SCHEME.parts(shape).get(1);
    if (!codes.dtype().equals(Optional.of(DType.I8))) {
      throw CheckpointEntries.mismatch(name, codes, "i8");
    }
    boolean fits = scales.dtype().equals(Optional.of(DType.F32))
        && scales.shape().elementCount() == expected.type().shape().elementCount();
    if (!fits) {
      throw CheckpointEntries.mismatch(name, scales, expected.type().toString());
    }
    List<TensorEntry> all = new ArrayList<>(List.of(codes, scales));
    @Nullable
    TensorEntry format = entries.find(within(prefix, FORMAT));
    if (format != null) {
      requireRows(entries, name, format);
      all.add(format);
    }
    FloatReading reading = file -> {
      MappedEntries mapped = new MappedEntries(file);
      List<OutputSpec> parts = SCHEME.parts(shape);
      return FloatSource.of(
          SCHEME,
          shape,
          List.of(mapped.part(codes, parts.get(0)), mapped.part(scales, parts.get(1))));
    };
    return new CheckpointTensor(
        name, shape, SCHEME.toString(), Optional.of(SCHEME), all, reading);
  }

  private static void requireRows(CheckpointEntries entries, String name, TensorEntry format) {
    if (format.byteLength() != 1 || entries.read(format)[0] != 0) {
      throw CheckpointEntries.broken(
          name, "int8 weights in rows", "has another weight_format than 0");
    }
  }
}
