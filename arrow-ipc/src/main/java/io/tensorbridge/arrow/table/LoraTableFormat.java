package io.tensorbridge.arrow.table;

import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Tables of LoRA modules; loads nothing of Arrow before a file is opened or begun. */
final class LoraTableFormat implements TensorFileFormat {
  @Override
  public String name() {
    return LoraTableProvider.NAME;
  }

  @Override
  public TensorFile open(Path path) {
    return LayerTableFile.open(path);
  }

  /** Floats, and of those only the two factors of each module. */
  @Override
  public boolean holds(String encoding) {
    return LoraTablePlan.holds(encoding);
  }

  @Override
  public TensorFileWriter create(
      Path target, List<TensorEntry> entries, Map<String, String> metadata) {
    LoraTablePlan plan = LoraTablePlan.of(target, entries);
    return LayerTableWriter.begin(target, plan.schema(metadata), plan.batches(), plan.places());
  }
}
