package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.FileBackedRun;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.OutputSpec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** A run of one chunk that makes outputs whose sizes nobody knows before, then copies them. */
final class ComputedOutputs implements OpRun {
  /**
   * An output.
   *
   * @param name its name
   * @param dtype of its elements
   * @param bytes row-major, of one dimension
   */
  record Made(String name, DType dtype, MemorySegment bytes) {
    static Made text(String name, byte[] json) {
      return new Made(name, DType.U8, MemorySegment.ofArray(json));
    }

    OutputSpec spec() {
      long count = bytes.byteSize() / dtype.byteSize();
      return new OutputSpec(name, new TensorType(dtype, Shape.of(count)));
    }
  }

  private final Supplier<List<Made>> work;
  private List<Made> made = List.of();

  private ComputedOutputs(Supplier<List<Made>> work) {
    this.work = work;
  }

  /**
   * A run.
   *
   * @param inputs what the work reads; files among them are watched for truncation
   * @param work makes the outputs
   */
  static OpRun of(List<Tensor> inputs, Supplier<List<Made>> work) {
    return FileBackedRun.watch(inputs, new ComputedOutputs(work));
  }

  @Override
  public int chunkCount(int phase) {
    return 1;
  }

  @Override
  public void runChunk(int phase, int chunk) {
    made = work.get();
  }

  @Override
  public Outcome finish() {
    List<OutputSpec> specs = new ArrayList<>(made.size());
    made.forEach(output -> specs.add(output.spec()));
    return new Outcome.NeedsSpace(specs, outputs -> new Copy(made, outputs));
  }

  private record Copy(List<Made> made, List<Tensor> outputs) implements OpRun {
    @Override
    public int chunkCount(int phase) {
      return made.size();
    }

    @Override
    public void runChunk(int phase, int chunk) {
      outputs.get(chunk).data().copyFrom(made.get(chunk).bytes);
    }
  }
}
