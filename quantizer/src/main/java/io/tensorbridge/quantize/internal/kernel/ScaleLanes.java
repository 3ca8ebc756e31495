package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUP_ELEMENTS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * {@link ScaleSearch} for all sub-blocks of a tile at once: each is a lane that goes through the same
 * sequence of operations, so that the results are the same bit for bit. Trials don't depend on each
 * other, so that three are tried in one pass over the values.
 */
final class ScaleLanes {
  private static final int LANES = ScaleFit.LANES;
  private static final int ELEMENTS = LANES * GROUP_ELEMENTS;

  /** Of 1.5 * 2^23, whose low bits hold the nearest integer of what is added. */
  private static final int ZERO_BITS = 0x4b400000;

  /** Sections of {@link #state}, a float for each lane. */
  private static final int EXTREME = 0;

  private static final int MAGNITUDE = EXTREME + LANES;
  private static final int SCALE = MAGNITUDE + LANES;
  private static final int BEST = SCALE + LANES;
  private static final int CODES = BEST + LANES;
  private static final int PRODUCT_SUM = CODES + LANES;
  private static final int SQUARE_SUM = PRODUCT_SUM + LANES;
  private static final int PRODUCT_SUM_2 = SQUARE_SUM + LANES;
  private static final int SQUARE_SUM_2 = PRODUCT_SUM_2 + LANES;
  private static final int PRODUCT_SUM_3 = SQUARE_SUM_2 + LANES;
  private static final int SQUARE_SUM_3 = PRODUCT_SUM_3 + LANES;
  private static final int SECTIONS = SQUARE_SUM_3 + LANES;

  /** All trials but the first. */
  private static final float[] TRIED = tried();

  private final float[] values = new float[ELEMENTS];
  private final float[] weights = new float[ELEMENTS];

  /** Weights times values. */
  private final float[] products = new float[ELEMENTS];

  private final float[] state = new float[SECTIONS];
  private final ScaleFit fit;
  private final LanePhase[] before = {new FindExtreme(), new First()};
  private final LanePhase[] eachTrial = {new Try(), new Keep()};
  private final LanePhase[] after = {new Finish()};

  ScaleLanes(ScaleFit fit) {
    this.fit = fit;
  }

  /** Finds the scales of all lanes; without importances the squares of the values are the weights. */
  void search(float[] tile) {
    Transposition.toLanes(tile, GROUP_ELEMENTS, LANES, values, 0);
    for (int at = 0; at < ELEMENTS; at++) {
      weights[at] = values[at] * values[at];
    }
    run();
  }

  /** Finds the scales of all lanes, with importances as weights. */
  void search(float[] tile, float[] importances) {
    Transposition.toLanes(tile, GROUP_ELEMENTS, LANES, values, 0);
    Transposition.toLanes(importances, GROUP_ELEMENTS, LANES, weights, 0);
    run();
  }

  private void run() {
    run(before, 0);
    for (int trial = 0; trial < TRIED.length; trial += 3) {
      run(eachTrial, trial);
    }
    run(after, 0);
  }

  private static void run(LanePhase[] phases, int trial) {
    for (LanePhase phase : phases) {
      phase.run(trial);
    }
  }

  private static float[] tried() {
    float[] tried = new float[2 * ScaleSearch.TRIALS];
    for (int i = 0; i < ScaleSearch.TRIALS; i++) {
      tried[i] = ScaleSearch.codes(BIAS, i - ScaleSearch.TRIALS);
      tried[ScaleSearch.TRIALS + i] = ScaleSearch.codes(BIAS, i + 1);
    }
    return tried;
  }

  /** The first value of greatest magnitude; 1 in lanes of zeros, whose scale is cleared later. */
  private final class FindExtreme implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        findExtreme(values, weights, products, state, lane);
      }
    }
  }

  private static void findExtreme(
      float[] values, float[] weights, float[] products, float[] state, int lane) {
    FloatVector magnitude = FloatVector.zero(Lanes.FLOATS);
    FloatVector extreme = magnitude;
    for (int at = lane; at < ELEMENTS; at += LANES) {
      FloatVector value = load(values, at);
      load(weights, at).mul(value).intoArray(products, at);
      VectorMask<Float> greater = magnitude.lt(value.abs());
      magnitude = magnitude.blend(value.abs(), greater);
      extreme = extreme.blend(value, greater);
    }
    magnitude.intoArray(state, MAGNITUDE + lane);
    extreme.blend(1, magnitude.lt(SuperBlock.LEAST_MAGNITUDE)).intoArray(state, EXTREME + lane);
  }

  /** The scale that the extreme suggests. */
  private final class First implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        trial(values, weights, products, state, lane, ScaleSearch.codes(BIAS, 0));
        keepFirst(state, lane);
      }
    }
  }

  private static void trial(
      float[] values, float[] weights, float[] products, float[] state, int lane, float codes) {
    FloatVector inverse = inverse(state, lane, codes);
    FloatVector productSum = FloatVector.zero(Lanes.FLOATS);
    FloatVector squareSum = productSum;
    for (int at = lane; at < ELEMENTS; at += LANES) {
      FloatVector code = round(load(values, at).mul(inverse));
      productSum = productSum.add(load(products, at).mul(code));
      squareSum = squareSum.add(load(weights, at).mul(code).mul(code));
    }
    productSum.intoArray(state, PRODUCT_SUM + lane);
    squareSum.intoArray(state, SQUARE_SUM + lane);
  }

  /** The sums of a trial and of the next two. */
  private final class Try implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        trials(values, weights, products, state, lane, trial);
      }
    }
  }

  /** Keeps each of the three trials where it is better than those before. */
  private final class Keep implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        keepBetter(state, lane, TRIED[trial], PRODUCT_SUM, SQUARE_SUM);
        keepBetter(state, lane, TRIED[trial + 1], PRODUCT_SUM_2, SQUARE_SUM_2);
        keepBetter(state, lane, TRIED[trial + 2], PRODUCT_SUM_3, SQUARE_SUM_3);
      }
    }
  }

  private static void trials(
      float[] values,
      float[] weights,
      float[] products,
      float[] state,
      int lane,
      int trial) {
    FloatVector inverse = inverse(state, lane, TRIED[trial]);
    FloatVector inverse2 = inverse(state, lane, TRIED[trial + 1]);
    FloatVector inverse3 = inverse(state, lane, TRIED[trial + 2]);
    FloatVector productSum = FloatVector.zero(Lanes.FLOATS);
    FloatVector squareSum = productSum;
    FloatVector productSum2 = productSum;
    FloatVector squareSum2 = productSum;
    FloatVector productSum3 = productSum;
    FloatVector squareSum3 = productSum;
    for (int at = lane; at < ELEMENTS; at += LANES) {
      FloatVector value = load(values, at);
      FloatVector weight = load(weights, at);
      FloatVector product = load(products, at);
      FloatVector code = round(value.mul(inverse));
      FloatVector code2 = round(value.mul(inverse2));
      FloatVector code3 = round(value.mul(inverse3));
      productSum = productSum.add(product.mul(code));
      squareSum = squareSum.add(weight.mul(code).mul(code));
      productSum2 = productSum2.add(product.mul(code2));
      squareSum2 = squareSum2.add(weight.mul(code2).mul(code2));
      productSum3 = productSum3.add(product.mul(code3));
      squareSum3 = squareSum3.add(weight.mul(code3).mul(code3));
    }
    productSum.intoArray(state, PRODUCT_SUM + lane);
    squareSum.intoArray(state, SQUARE_SUM + lane);
    productSum2.intoArray(state, PRODUCT_SUM_2 + lane);
    squareSum2.intoArray(state, SQUARE_SUM_2 + lane);
    productSum3.intoArray(state, PRODUCT_SUM_3 + lane);
    squareSum3.intoArray(state, SQUARE_SUM_3 + lane);
  }

  private static FloatVector inverse(float[] state, int lane, float codes) {
    return FloatVector.broadcast(Lanes.FLOATS, codes).div(load(state, EXTREME + lane));
  }

  /** Integers compare as the floats do, since all lie in the binade from 2^23. */
  private static FloatVector round(FloatVector code) {
    IntVector bits = code.add(SuperBlock.ROUNDING).reinterpretAsInts();
    return bits.min(ZERO_BITS + BIAS - 1)
        .max(ZERO_BITS - BIAS)
        .reinterpretAsFloats()
        .sub(SuperBlock.ROUNDING);
  }

  /** The first trial always counts; its scale is 0 where there are no squares. */
  private static void keepFirst(float[] state, int lane) {
    FloatVector productSum = load(state, PRODUCT_SUM + lane);
    FloatVector squareSum = load(state, SQUARE_SUM + lane);
    FloatVector scale = productSum.div(squareSum).blend(0, squareSum.eq(0));
    scale.intoArray(state, SCALE + lane);
    scale.mul(productSum).intoArray(state, BEST + lane);
    FloatVector.broadcast(Lanes.FLOATS, ScaleSearch.codes(BIAS, 0)).intoArray(state, CODES + lane);
  }

  private static void keepBetter(
      float[] state, int lane, float codes, int productSums, int squareSums) {
    FloatVector productSum = load(state, productSums + lane);
    FloatVector squareSum = load(state, squareSums + lane);
    FloatVector best = load(state, BEST + lane);
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    VectorMask<Float> better =
        best.mul(squareSum).lt(productSum.mul(productSum)).and(zero.lt(squareSum));
    FloatVector scale = productSum.div(squareSum);
    load(state, SCALE + lane).blend(scale, better).intoArray(state, SCALE + lane);
    best.blend(scale.mul(productSum), better).intoArray(state, BEST + lane);
    load(state, CODES + lane).blend(codes, better).intoArray(state, CODES + lane);
  }

  /** Hands the results over. */
  private final class Finish implements LanePhase {
    @Override
    public void run(int trial) {
      for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
        finish(state, fit, lane);
      }
    }
  }

  private static void finish(float[] state, ScaleFit fit, int lane) {
    VectorMask<Float> zeros =
        load(state, MAGNITUDE + lane).lt(SuperBlock.LEAST_MAGNITUDE);
    load(state, SCALE + lane).blend(0, zeros).intoArray(fit.scales, lane);
    FloatVector inverse = load(state, CODES + lane).div(load(state, EXTREME + lane));
    inverse.blend(0, zeros).intoArray(fit.inverses, lane);
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.FLOATS, array, at);
  }
}
