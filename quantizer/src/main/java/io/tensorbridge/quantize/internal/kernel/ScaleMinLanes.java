package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * {@link ScaleMinSearch} for all sub-blocks of a tile at once: each is a lane that goes through the
 * same sequence of operations, so that the results are the same bit for bit.
 *
 * <p>Codes are kept as floats; adding 2^23 rounds them as {@link SuperBlock#nearest} does while they
 * lie between 0 and 2^22. Lanes that leave this range (tiny or huge values) are searched again by the
 * scalar code.
 */
final class ScaleMinLanes {
  private static final int LANES = ScaleMinFit.LANES;

  /** Elements of all lanes, at most. */
  private static final int ELEMENTS = SuperBlockTile.ELEMENTS;

  private static final float ROUNDING = 0x1p23f;
  private static final int ZERO_BITS = 0x4b000000;
  private static final float LEAST_CODE = -0x1p21f;

  /**
   * Sections of {@link #memory}, an element of all lanes after the other. Stores of codes stay half a
   * page away from the loads around them, since processors compare only the low 12 bits of addresses
   * to find loads that must wait.
   */
  private static final int VALUES = 0;

  private static final int WEIGHTS = VALUES + ELEMENTS + 16;
  private static final int CODES = VALUES + 2 * ELEMENTS + 512;

  /** Sections with one float for each lane. */
  private static final int LOW = CODES + ELEMENTS;

  private static final int HIGH = LOW + LANES;
  private static final int MIN = HIGH + LANES;
  private static final int SCALE = MIN + LANES;
  private static final int ERROR = SCALE + LANES;
  private static final int INVERSE = ERROR + LANES;
  private static final int OFFSET = INVERSE + LANES;
  private static final int WEIGHT_SUM = OFFSET + LANES;
  private static final int VALUE_SUM = WEIGHT_SUM + LANES;
  private static final int TRIED_INVERSE = VALUE_SUM + LANES;
  private static final int TRIED_SCALE = TRIED_INVERSE + LANES;
  private static final int TRIED_MIN = TRIED_SCALE + LANES;
  private static final int DETERMINANT = TRIED_MIN + LANES;
  private static final int VARIANCE = DETERMINANT + LANES;
  private static final int ODD = VARIANCE + LANES;
  private static final int SECTIONS = ODD + LANES;

  private final float[] memory = new float[SECTIONS];
  private final float[] oddWeights;
  private final ScaleMinFit fit;
  private final ScaleMinSearch oddSearch;
  private final ScaleMinTrials trials;
  private final int groupElements;

  /** Elements of all lanes. */
  private final int end;

  private final boolean absolute;
  private final LanePhase[] before;
  private final LanePhase[] eachTrial = {new Encode(), new Improve()};
  private final LanePhase[] after = {new Finish()};

  /**
   * Lanes for the values of a tile.
   *
   * @param values the tile, super-block by super-block
   * @param fit receives the results
   * @param trials what to try
   * @param weighted whether there are importances
   */
  ScaleMinLanes(float[] values, ScaleMinFit fit, ScaleMinTrials trials, boolean weighted) {
    this.fit = fit;
    this.trials = trials;
    this.groupElements = trials.groupElements();
    this.end = LANES * groupElements;
    this.absolute = trials.absolute();
    this.oddWeights = new float[groupElements];
    this.oddSearch = new ScaleMinSearch(values, oddWeights, fit, trials);
    this.before =
        new LanePhase[]{weighted ? new WeighByImportance() : weighPlain(), new Sum(),
            new First()};
  }

  /** Finds scales and minima of all lanes, without importances. */
  void search(float[] tile) {
    Transposition.toLanes(tile, groupElements, LANES, memory, VALUES);
    run();
  }

  /** Finds scales and minima of all lanes, with importances. */
  void search(float[] tile, float[] importances) {
    Transposition.toLanes(tile, groupElements, LANES, memory, VALUES);
    Transposition.toLanes(importances, groupElements, LANES, memory, WEIGHTS);
    int groups = SuperBlock.ELEMENTS / groupElements;
    for (int lane = 0; lane < LANES; lane += groups) {
      float variance = trials.variance(tile, lane * groupElements);
      for (int i = 0; i < groups; i++) {
        memory[VARIANCE + lane + i] = variance;
      }
    }
    run();
  }

  private void run() {
    run(before, 0);
    for (int trial = 0; trial < trials.count(); trial++) {
      run(eachTrial, trial);
    }
    run(after, 0);
    searchOdd();
  }

  private LanePhase weighPlain() {
    return absolute ? new WeighMagnitudes() : new WeighPlain();
  }

  private static void run(LanePhase[] phases, int trial) {
    for (LanePhase phase : phases) {
      phase.run(trial);
    }
  }

  /** As {@link ScaleMinWeights#plain}. */
  private final class WeighPlain implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        run(memory, lane, end);
      }
    }

    private static void run(float[] memory, int lane, int end) {
      FloatVector sum = FloatVector.zero(Lanes.FLOATS);
      for (int at = lane; at < end; at += LANES) {
        FloatVector value = load(memory, VALUES + at);
        sum = sum.add(value.mul(value));
      }
      FloatVector rms = sum.div((float) end / LANES).sqrt();
      for (int at = lane; at < end; at += LANES) {
        rms.add(load(memory, VALUES + at).abs()).intoArray(memory, WEIGHTS + at);
      }
    }
  }

  /** As {@link Q2KWeights#plain}. */
  private final class WeighMagnitudes implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        run(memory, lane, end);
      }
    }

    private static void run(float[] memory, int lane, int end) {
      for (int at = lane; at < end; at += LANES) {
        load(memory, VALUES + at).abs().intoArray(memory, WEIGHTS + at);
      }
    }
  }

  /** As {@link ScaleMinWeights#weighted}. */
  private final class WeighByImportance implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        run(memory, load(memory, VARIANCE + lane), lane, end);
      }
    }

    private static void run(float[] memory, FloatVector variance, int lane, int end) {
      for (int at = lane; at < end; at += LANES) {
        FloatVector value = load(memory, VALUES + at);
        load(memory, WEIGHTS + at).mul(variance.add(value.mul(value)).sqrt()).intoArray(memory,
            WEIGHTS + at);
      }
    }
  }

  /** The range, and the sums that don't change. */
  private final class Sum implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        run(memory, lane, end);
      }
    }

    private static void run(float[] memory, int lane, int end) {
      FloatVector low = load(memory, VALUES + lane);
      FloatVector high = low;
      FloatVector weightSum = load(memory, WEIGHTS + lane);
      FloatVector valueSum = weightSum.mul(low);
      for (int at = lane + LANES; at < end; at += LANES) {
        FloatVector value = load(memory, VALUES + at);
        FloatVector weight = load(memory, WEIGHTS + at);
        low = low.blend(value, value.lt(low));
        high = high.blend(value, high.lt(value));
        weightSum = weightSum.add(weight);
        valueSum = valueSum.add(weight.mul(value));
      }
      FloatVector zero = FloatVector.zero(Lanes.FLOATS);
      low.blend(zero, zero.lt(low)).intoArray(memory, LOW + lane);
      high.intoArray(memory, HIGH + lane);
      weightSum.intoArray(memory, WEIGHT_SUM + lane);
      valueSum.intoArray(memory, VALUE_SUM + lane);
    }
  }

  /** The fit from the range alone. A constant lane gets a range of 1: its codes then stay 0. */
  private final class First implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        run(memory, lane, end, trials.maxCode(), absolute);
      }
    }

    private static void run(
        float[] memory, int lane, int end, int maxCode, boolean absolute) {
      FloatVector min = load(memory, LOW + lane);
      FloatVector found = load(memory, HIGH + lane);
      VectorMask<Float> constant = min.lt(found).not();
      FloatVector high = found.blend(min.add(1), constant);
      FloatVector inverse = FloatVector.broadcast(Lanes.FLOATS, maxCode).div(high.sub(min));
      FloatVector scale = FloatVector.broadcast(Lanes.FLOATS, 1).div(inverse);
      FloatVector sum = FloatVector.zero(Lanes.FLOATS);
      for (int at = lane; at < end; at += LANES) {
        FloatVector value = load(memory, VALUES + at);
        FloatVector code = value.sub(min).mul(inverse).add(ROUNDING).sub(ROUNDING);
        FloatVector difference = scale.mul(code).add(min).sub(value);
        sum = sum.add(load(memory, WEIGHTS + at).mul(error(difference, absolute)));
      }
      high.intoArray(memory, HIGH + lane);
      min.intoArray(memory, MIN + lane);
      scale.blend(0, constant).intoArray(memory, SCALE + lane);
      sum.intoArray(memory, ERROR + lane);
      inverse.blend(0, constant).intoArray(memory, INVERSE + lane);
      min.intoArray(memory, OFFSET + lane);
      odd(inverse, min, min).intoArray(memory, ODD + lane);
    }
  }

  private static FloatVector error(FloatVector difference, boolean absolute) {
    return absolute ? difference.abs() : difference.mul(difference);
  }

  /** 1 for the lanes whose codes may leave the range in which both ways of rounding agree. */
  private static FloatVector odd(FloatVector inverse, FloatVector low, FloatVector min) {
    VectorMask<Float> usual =
        FloatVector.zero(Lanes.FLOATS).lt(inverse)
            .and(inverse.lt(Float.POSITIVE_INFINITY))
            .and(FloatVector.broadcast(Lanes.FLOATS, LEAST_CODE).lt(low.sub(min).mul(inverse)));
    return FloatVector.broadcast(Lanes.FLOATS, 1).blend(0, usual);
  }

  /** The codes of a trial, and the straight line through them. */
  private final class Encode implements LanePhase {
    @Override
    public void run(int trial) {
      float range = trials.codes(trial);
      int top = ZERO_BITS + trials.maxCode();
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        run(memory, lane, end, range, top);
      }
    }

    private static void run(
        float[] memory,
        int lane,
        int end,
        float range,
        int top) {
      FloatVector min = load(memory, MIN + lane);
      FloatVector high = load(memory, HIGH + lane);
      FloatVector inverse = FloatVector.broadcast(Lanes.FLOATS, range).div(high.sub(min));
      FloatVector codeSum = FloatVector.zero(Lanes.FLOATS);
      FloatVector squareSum = codeSum;
      FloatVector productSum = codeSum;
      for (int at = lane; at < end; at += LANES) {
        FloatVector value = load(memory, VALUES + at);
        FloatVector code = round(value.sub(min).mul(inverse), top);
        code.intoArray(memory, CODES + at);
        FloatVector weighted = load(memory, WEIGHTS + at).mul(code);
        codeSum = codeSum.add(weighted);
        squareSum = squareSum.add(weighted.mul(code));
        productSum = productSum.add(weighted.mul(value));
      }
      inverse.intoArray(memory, TRIED_INVERSE + lane);
      FloatVector odd = odd(inverse, load(memory, LOW + lane), min);
      odd.max(load(memory, ODD + lane)).intoArray(memory, ODD + lane);
      fitLine(memory, lane, codeSum, squareSum, productSum);
    }

    /** Integers compare as the floats do: both bounds lie in the binade from 2^23, or above it. */
    private static FloatVector round(FloatVector code, int top) {
      IntVector bits = code.add(ROUNDING).reinterpretAsInts();
      return bits.max(ZERO_BITS).min(top).reinterpretAsFloats().sub(ROUNDING);
    }

    private static void fitLine(
        float[] memory,
        int lane,
        FloatVector codeSum,
        FloatVector squareSum,
        FloatVector productSum) {
      FloatVector weightSum = load(memory, WEIGHT_SUM + lane);
      FloatVector valueSum = load(memory, VALUE_SUM + lane);
      FloatVector determinant = weightSum.mul(squareSum).sub(codeSum.mul(codeSum));
      FloatVector scale =
          weightSum.mul(productSum).sub(valueSum.mul(codeSum)).div(determinant);
      FloatVector min =
          squareSum.mul(valueSum).sub(codeSum.mul(productSum)).div(determinant);
      FloatVector zero = FloatVector.zero(Lanes.FLOATS);
      VectorMask<Float> positive = zero.lt(min);
      determinant.intoArray(memory, DETERMINANT + lane);
      scale.blend(productSum.div(squareSum), positive).intoArray(memory, TRIED_SCALE + lane);
      min.blend(zero, positive).intoArray(memory, TRIED_MIN + lane);
    }
  }

  /** Keeps the line of a trial where its error is less. */
  private final class Improve implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        run(memory, lane, end, absolute);
      }
    }

    private static void run(float[] memory, int lane, int end, boolean absolute) {
      FloatVector scale = load(memory, TRIED_SCALE + lane);
      FloatVector min = load(memory, TRIED_MIN + lane);
      FloatVector sum = FloatVector.zero(Lanes.FLOATS);
      for (int at = lane; at < end; at += LANES) {
        FloatVector difference =
            scale.mul(load(memory, CODES + at)).add(min).sub(load(memory, VALUES + at));
        sum = sum.add(load(memory, WEIGHTS + at).mul(error(difference, absolute)));
      }
      keepBetter(memory, lane, sum);
    }

    private static void keepBetter(float[] memory, int lane, FloatVector error) {
      FloatVector least = load(memory, ERROR + lane);
      FloatVector zero = FloatVector.zero(Lanes.FLOATS);
      VectorMask<Float> better = error.lt(least).and(zero.lt(load(memory, DETERMINANT + lane)));
      FloatVector min = load(memory, MIN + lane);
      least.blend(error, better).intoArray(memory, ERROR + lane);
      keep(memory, SCALE + lane, TRIED_SCALE + lane, better);
      keep(memory, INVERSE + lane, TRIED_INVERSE + lane, better);
      load(memory, OFFSET + lane).blend(min, better).intoArray(memory, OFFSET + lane);
      keep(memory, MIN + lane, TRIED_MIN + lane, better);
    }

    private static void keep(float[] memory, int kept, int tried, VectorMask<Float> better) {
      load(memory, kept).blend(load(memory, tried), better).intoArray(memory, kept);
    }
  }

  /** Hands the results over. */
  private final class Finish implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        load(memory, SCALE + lane).intoArray(fit.scales, lane);
        load(memory, MIN + lane).neg().intoArray(fit.mins, lane);
        load(memory, INVERSE + lane).intoArray(fit.inverses, lane);
        load(memory, OFFSET + lane).intoArray(fit.offsets, lane);
        load(memory, WEIGHT_SUM + lane).intoArray(fit.weightSums, lane);
      }
    }
  }

  private void searchOdd() {
    for (int lane = 0; lane < LANES; lane++) {
      if (memory[ODD + lane] != 0) {
        for (int i = 0; i < groupElements; i++) {
          oddWeights[i] = memory[WEIGHTS + i * LANES + lane];
        }
        oddSearch.run(lane);
      }
    }
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.FLOATS, array, at);
  }
}
