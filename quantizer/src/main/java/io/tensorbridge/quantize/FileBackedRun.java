package io.tensorbridge.quantize;

import io.tensorbridge.Backing;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import java.util.List;

/**
 * A run that reads mapped files, which others may truncate meanwhile.
 *
 * <p>The JVM reports the fault of a bulk copy as an {@link InternalError}, at the copy or a little
 * later: hence the whole chunk is watched.
 *
 * @param run what reads them
 */
public record FileBackedRun(OpRun run) implements OpRun {
  /**
   * Watches a run.
   *
   * @param sources the tensors that it reads
   * @param run the run
   * @return the run itself if it reads no file
   */
  public static OpRun watch(List<Tensor> sources, OpRun run) {
    boolean readsFile = sources.stream().anyMatch(tensor -> tensor.backing() == Backing.FILE);
    return readsFile ? new FileBackedRun(run) : run;
  }

  @Override
  public int phaseCount() {
    return run.phaseCount();
  }

  @Override
  public int chunkCount(int phase) {
    return run.chunkCount(phase);
  }

  @Override
  public void runChunk(int phase, int chunk) {
    try {
      run.runChunk(phase, chunk);
    } catch (InternalError fault) {
      throw new FormatException(
          ErrorCode.FILE_IO,
          "the file behind the tensor can't be read any more: it was truncated since it was opened,"
              + " or its storage failed",
          -1,
          "",
          fault);
    }
  }

  @Override
  public Outcome finish() {
    return run.finish();
  }
}
