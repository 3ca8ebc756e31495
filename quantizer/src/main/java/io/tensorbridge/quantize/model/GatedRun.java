package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.quantize.QualityMeter;
import io.tensorbridge.quantize.TensorQuality;

/**
 * A measured run that fails at its end if the tensor misses the gate.
 *
 * @param run writes the tensor
 * @param encoding what it becomes
 * @param meter has seen all of the run at its end
 * @param gate the limits
 */
record GatedRun(OpRun run, String encoding, QualityMeter meter, QualityGate gate) implements OpRun {
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
    run.runChunk(phase, chunk);
  }

  @Override
  public Outcome finish() {
    TensorQuality quality = meter.quality();
    if (!gate.admits(quality)) {
      throw new TensorException(ErrorCode.TENSOR_FAILED, gate.refusal(encoding, quality));
    }
    return run.finish();
  }
}
