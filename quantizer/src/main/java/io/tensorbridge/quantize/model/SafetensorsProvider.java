package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import java.util.List;

/** Describes safetensors files. */
public final class SafetensorsProvider implements TensorFileFormatProvider {
  static final String NAME = "safetensors";
  static final String INDEX_EXTENSION = ".safetensors.index.json";

  /** For {@link java.util.ServiceLoader}. */
  public SafetensorsProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> extensions() {
    return List.of(".safetensors", INDEX_EXTENSION);
  }

  @Override
  public TensorFileFormat create() {
    return new SafetensorsFormat();
  }
}
