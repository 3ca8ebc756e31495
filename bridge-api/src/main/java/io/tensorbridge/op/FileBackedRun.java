package io.tensorbridge.op;

import io.tensorbridge.Backing;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import java.util.List;
import java.util.function.Supplier;

/**
 * A run that reads mapped files, which others may truncate meanwhile.
 *
 * <p>The JVM reports the fault of a bulk copy as an {@link InternalError}, at the copy or a little
 * later: hence the whole chunk is watched.
 *
 * @param run what reads the files
 */
public record FileBackedRun(OpRun run) implements OpRun {
  /**
   * Watches a run if one of its sources is a file.
   *
   * @param sources what it reads
   * @param run reads by bulk copies
   * @return a run whose chunks throw {@link FormatException} once a file can't be read any more; the
   *     run itself if it reads no file
   */
  public static OpRun watch(List<Tensor> sources, OpRun run) {
    boolean readsFile = sources.stream().anyMatch(tensor -> tensor.backing() == Backing.FILE);
    return readsFile ? new FileBackedRun(run) : run;
  }

  /**
   * Prepares a run and watches it, as well as its preparation.
   *
   * @param preparation gives a run that reads files, and may read them already
   * @return the watched run
   * @throws FormatException {@link ErrorCode#FILE_IO} if a file can't be read any more
   */
  public static OpRun watchFrom(Supplier<OpRun> preparation) {
    try {
      return new FileBackedRun(preparation.get());
    } catch (InternalError fault) {
      throw unreadable(fault);
    }
  }

  private static FormatException unreadable(InternalError fault) {
    return new FormatException(
        ErrorCode.FILE_IO,
        "the file behind the tensor can't be read any more: it was truncated since it was opened,"
            + " or its storage failed",
        -1,
        "",
        fault);
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
      throw unreadable(fault);
    }
  }

  @Override
  public Outcome finish() {
    try {
      return run.finish();
    } catch (InternalError fault) {
      throw unreadable(fault);
    }
  }
}
