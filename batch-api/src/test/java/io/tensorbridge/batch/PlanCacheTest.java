package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlanCacheTest {
  private static final long MAX_BYTES = 1 << 20;
  private static final TensorType VECTOR = new TensorType(DType.F32, Shape.of(4));
  private static final TensorType DEEP =
      new TensorType(DType.F32, Shape.of(Collections.nCopies(64, 1L).stream()
          .mapToLong(Long::longValue).toArray()));

  private final PlanCache plans =
      new PlanCache(new OpRegistry(List.of(new NamesProvider())), MAX_BYTES);

  private OpPlan plan(String options) {
    return plans.plan("names", options, List.of(VECTOR));
  }

  private void requireNotKept(String options) {
    assertThat(plan(options)).isNotSameAs(plan(options));
  }

  @Test
  void aPlanIsMadeOnce() {
    OpPlan first = plan("prefix=a\n");
    assertThat(plan("prefix=a\n")).isSameAs(first);
    assertThat(plan("prefix=a\n")).isNotSameAs(plan("prefix=b\n"));
    assertThat(plans.plan("names", "prefix=a\n", List.of(DEEP))).isNotSameAs(plan("prefix=a\n"));
  }

  @Test
  void longTextsMakeRoomForFewerPlans() {
    for (int i = 0; i < 5000; i++) {
      plan("prefix=" + i + "x".repeat(2000) + "\n");
      assertThat(plans.size()).isLessThanOrEqualTo((int) (MAX_BYTES / (4 * 2000)));
    }
    assertThat(plans.size()).isGreaterThan(64);
  }

  @Test
  void inputsMakeRoomForFewerPlans() {
    for (int i = 0; i < 1000; i++) {
      plans.plan("names", "prefix=" + i + "\n", Collections.nCopies(10, DEEP));
      assertThat(plans.size()).isLessThanOrEqualTo((int) (MAX_BYTES / (10 * 64 * Long.BYTES)));
    }
  }

  @Test
  void outputsMakeRoomForFewerPlans() {
    for (int i = 0; i < 1000; i++) {
      plan("prefix=" + i + "\noutputs=50\n");
      assertThat(plans.size()).isLessThanOrEqualTo((int) (MAX_BYTES / (50 * Long.BYTES)) / 8);
    }
  }

  @Test
  void aGiantPlanIsNotKeptAndDrivesOutNoOther() {
    OpPlan small = plan("prefix=a\n");
    requireNotKept("prefix=" + "x".repeat((int) MAX_BYTES / 64) + "\n");
    requireNotKept("outputs=1000\n");
    assertThat(plan("prefix=a\n")).isSameAs(small);
    assertThat(plans.size()).isEqualTo(1);
  }

  @Test
  void whatWasUsedLastIsKeptLongest() {
    OpPlan first = plan("prefix=first\n");
    for (int i = 0; i < 5000; i++) {
      plan("prefix=" + i + "\n");
      assertThat(plan("prefix=first\n")).isSameAs(first);
    }
    assertThat(plans.size()).isBetween(500, 1024);
  }

  /** {@code names}: plans as many outputs as it is told. */
  private static final class NamesProvider implements TensorOpProvider {
    @Override
    public String name() {
      return "names";
    }

    @Override
    public String summary() {
      return "has names";
    }

    @Override
    public TensorOp create() {
      return new TensorOp() {
        @Override
        public String name() {
          return "names";
        }

        @Override
        public OpPlan plan(List<TensorType> inputs, Options options) {
          int outputs = Integer.parseInt(options.get("outputs", "1"));
          return new Plan(
              Collections.nCopies(outputs, new OutputSpec("output", inputs.getFirst())));
        }
      };
    }
  }

  private static final class Plan implements OpPlan {
    private final List<OutputSpec> outputs;

    Plan(List<OutputSpec> outputs) {
      this.outputs = outputs;
    }

    @Override
    public List<OutputSpec> outputs() {
      return outputs;
    }

    @Override
    public long workBytes() {
      return 1;
    }

    @Override
    public OpRun bind(OpMemory memory) {
      throw new AssertionError("is only planned");
    }
  }
}
