package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import java.util.List;

/** Describes GGUF files. */
public final class GgufProvider implements TensorFileFormatProvider {
  static final String NAME = "gguf";

  /** For {@link java.util.ServiceLoader}. */
  public GgufProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> extensions() {
    return List.of(".gguf");
  }

  @Override
  public TensorFileFormat create() {
    return new GgufFormat();
  }
}
