package io.tensorbridge.batch;

import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;
import java.util.List;

/** An operation that throws what no operation should. */
final class BrokenProvider implements TensorOpProvider {
  @Override
  public String name() {
    return "broken";
  }

  @Override
  public String summary() {
    return "throws";
  }

  @Override
  public TensorOp create() {
    return new TensorOp() {
      @Override
      public String name() {
        return "broken";
      }

      @Override
      public OpPlan plan(List<TensorType> inputs, Options options) {
        if (options.get("how") != null) {
          throw new NoClassDefFoundError("broken on purpose");
        }
        return new BrokenPlan();
      }
    };
  }

  private record BrokenPlan() implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of();
    }

    @Override
    public long workBytes() {
      return 1;
    }

    @Override
    public OpRun bind(OpMemory memory) {
      return new OpRun() {
        @Override
        public int chunkCount(int phase) {
          return 1;
        }

        @Override
        public void runChunk(int phase, int chunk) {
          throw new AssertionError("broken on purpose");
        }
      };
    }
  }
}
