package io.tensorbridge.quantize.model;

import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.PartSink;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an earlier pass wrote to a file that can't be kept: tensors whose plan is still the same are
 * copied from it instead of being made again.
 */
final class WrittenPass implements AutoCloseable {
  private final TensorFileWriter writer;

  /** The first entry of each plan, by name. */
  private final Map<String, Integer> firstEntries = new HashMap<>();

  private final Map<String, TensorPlan> plans = new HashMap<>();

  WrittenPass(TensorFileWriter writer, List<TensorPlan> plans) {
    this.writer = writer;
    int entry = 0;
    for (TensorPlan plan : plans) {
      firstEntries.put(plan.source().name(), entry);
      this.plans.put(plan.source().name(), plan);
      entry += plan.outputs().size();
    }
  }

  TensorFileWriter writer() {
    return writer;
  }

  /** A run that copies a tensor, or nothing if it must be made. */
  Optional<OpRun> copy(TensorPlan plan, PartSink sink) {
    String name = plan.source().name();
    if (!(writer instanceof ReadableWriter file) || !plan.equals(plans.get(name))) {
      return Optional.empty();
    }
    int firstEntry = firstEntries.getOrDefault(name, 0);
    CopyRun.Source source =
        (part, byteOffset, target) -> file.read(firstEntry + part, byteOffset, target);
    return Optional.of(new CopyRun(source, plan.outputs(), sink));
  }

  /** Removes the file. */
  @Override
  public void close() {
    writer.close();
  }
}
