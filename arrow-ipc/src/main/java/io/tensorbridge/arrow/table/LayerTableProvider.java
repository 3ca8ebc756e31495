package io.tensorbridge.arrow.table;

import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import java.util.List;

/** Offers {@code .arrow} files to {@link io.tensorbridge.file.TensorFileFormats}. */
public final class LayerTableProvider implements TensorFileFormatProvider {
  static final String NAME = "arrow";

  /** For {@link java.util.ServiceLoader}. */
  public LayerTableProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public List<String> extensions() {
    return List.of(".arrow");
  }

  @Override
  public TensorFileFormat create() {
    return new LayerTableFormat();
  }
}
