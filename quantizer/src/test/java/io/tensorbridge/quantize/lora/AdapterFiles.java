package io.tensorbridge.quantize.lora;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Adapters and models for tests: golden files, and small ones of random numbers. */
final class AdapterFiles {
  static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();

  private final Map<String, Shape> tensors = new LinkedHashMap<>();
  private final Map<String, Float> firsts = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  static Path resource(String name) {
    URL url = AdapterFiles.class.getResource("/lora/" + name);
    if (url == null) {
      throw new IllegalArgumentException(name);
    }
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException impossible) {
      throw new IllegalArgumentException(impossible);
    }
  }

  static Map<String, Shape> shapes(Path file) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    try (TensorFile open = FORMATS.forPath(file).open(file)) {
      open.entries().forEach(entry -> shapes.put(entry.name(), entry.shape()));
    }
    return shapes;
  }

  AdapterFiles tensor(String name, long... extents) {
    tensors.put(name, Shape.of(extents));
    return this;
  }

  /** A tensor whose first element is given. */
  AdapterFiles tensor(String name, float first, long... extents) {
    firsts.put(name, first);
    return tensor(name, extents);
  }

  AdapterFiles kohya(String module, int rank, long rows, long columns) {
    return tensor(module + ".lora_down.weight", rank, columns)
        .tensor(module + ".lora_up.weight", rows, rank);
  }

  AdapterFiles peft(String module, int rank, long rows, long columns) {
    return tensor(module + ".lora_A.weight", rank, columns)
        .tensor(module + ".lora_B.weight", rows, rank);
  }

  AdapterFiles metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  Path write(Path target) {
    Random random = new Random(3);
    List<TensorEntry> entries = new ArrayList<>();
    tensors.forEach(
        (name, shape) -> entries.add(TensorEntry.of(name, new TensorType(DType.F32, shape))));
    try (TensorFileWriter writer = FORMATS.forPath(target).create(target, entries, metadata);
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.size(); i++) {
        MemorySegment bytes = arena.allocate(Math.max(4, entries.get(i).byteLength()), 4);
        for (long at = 0; at < bytes.byteSize(); at += 4) {
          bytes.set(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian() * 0.1f);
        }
        Float first = firsts.get(entries.get(i).name());
        if (first != null) {
          bytes.set(ValueLayout.JAVA_FLOAT, 0, first);
        }
        writer.write(i, 0, bytes.asSlice(0, entries.get(i).byteLength()));
      }
      writer.commit();
    }
    return target;
  }
}
