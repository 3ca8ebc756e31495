package io.tensorbridge.arrow.table;

import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import java.util.List;

/** Offers {@code .lora.arrow} files to {@link io.tensorbridge.file.TensorFileFormats}. */
public final class LoraTableProvider implements TensorFileFormatProvider {
  static final String NAME = "lora.arrow";

  /** For {@link java.util.ServiceLoader}. */
  public LoraTableProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> extensions() {
    return List.of(".lora.arrow");
  }

  @Override
  public TensorFileFormat create() {
    return new LoraTableFormat();
  }
}
