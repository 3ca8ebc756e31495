package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUP_ELEMENTS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link CodeDescent} for all sub-blocks of a tile at once: each is a lane that goes through the same
 * sequence of operations, so that the results are the same bit for bit.
 *
 * <p>A step needs the sums that the one before it left. Most steps leave them as they are in all lanes,
 * in later rounds nearly all, so that a step that changes something is a branch: the processor
 * predicts that there is none, and works on the next steps meanwhile.
 */
final class CodeDescentLanes {
  static final int LANES = DescentFit.LANES;
  static final int ELEMENTS = LANES * GROUP_ELEMENTS;
  static final int SECOND = Lanes.COUNT;
  static final int PAIR = 2 * Lanes.COUNT;

  /** Sections of {@link #state}, a float for each lane. */
  static final int EXTREME = 0;

  static final int MAGNITUDE = EXTREME + LANES;
  static final int PRODUCT_SUM = MAGNITUDE + LANES;
  static final int SQUARE_SUM = PRODUCT_SUM + LANES;
  static final int SECTIONS = SQUARE_SUM + LANES;

  private final float[] rows = new float[ELEMENTS];
  private final float[] values = new float[ELEMENTS];

  /** Values to the power of two. */
  private final float[] weights = new float[ELEMENTS];

  /** Values to the power of three. */
  private final float[] products = new float[ELEMENTS];

  private final float[] codes = new float[ELEMENTS];
  private final float[] state = new float[SECTIONS];
  private final DescentFit fit;

  CodeDescentLanes(DescentFit fit) {
    this.fit = fit;
  }

  /** Finds the scales of all lanes. */
  void search(float[] tile) {
    System.arraycopy(tile, 0, rows, 0, ELEMENTS);
    Butterfly.run(rows, GROUP_ELEMENTS, LANES, values, 0, LANES);
    for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
      findExtreme(values, weights, products, state, lane);
      begin(values, weights, products, codes, state, lane);
    }
    for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
      int round = 0;
      while (round < CodeDescent.ROUNDS
          && improve(values, weights, products, codes, state, lane)) {
        round++;
      }
    }
    for (int lane = 0; lane < LANES; lane += Lanes.COUNT) {
      finish(state, fit, lane);
    }
  }

  /** Hands over the codes of a super-block, which are needed only where a quantized scale is 0. */
  void copyCodes(int block) {
    int first = block * Q3KLayout.GROUPS;
    for (int lane = first; lane < first + Q3KLayout.GROUPS; lane++) {
      boolean zeros = state[MAGNITUDE + lane] < SuperBlock.LEAST_MAGNITUDE;
      for (int i = 0; i < GROUP_ELEMENTS; i++) {
        int code = (int) codes[i * LANES + lane] + BIAS;
        fit.codes[lane * GROUP_ELEMENTS + i] = (byte) (zeros ? 0 : code);
      }
    }
  }

  /** The first value of greatest magnitude; 1 in lanes of zeros, whose scale is cleared later. */
  private static void findExtreme(
      float[] values, float[] weights, float[] products, float[] state, int lane) {
    FloatVector magnitude = FloatVector.zero(Lanes.FLOATS);
    FloatVector extreme = magnitude;
    for (int at = lane; at < ELEMENTS; at += LANES) {
      FloatVector value = load(values, at);
      FloatVector weight = value.mul(value);
      weight.intoArray(weights, at);
      weight.mul(value).intoArray(products, at);
      VectorMask<Float> greater = magnitude.lt(value.abs());
      magnitude = magnitude.blend(value.abs(), greater);
      extreme = extreme.blend(value, greater);
    }
    magnitude.intoArray(state, MAGNITUDE + lane);
    extreme.blend(1, magnitude.lt(SuperBlock.LEAST_MAGNITUDE)).intoArray(state, EXTREME + lane);
  }

  private static void begin(
      float[] values,
      float[] weights,
      float[] products,
      float[] codes,
      float[] state,
      int lane) {
    FloatVector inverse =
        FloatVector.broadcast(Lanes.FLOATS, -BIAS).div(load(state, EXTREME + lane));
    FloatVector productSum = FloatVector.zero(Lanes.FLOATS);
    FloatVector squareSum = productSum;
    for (int at = lane; at < ELEMENTS; at += LANES) {
      FloatVector code = round(load(values, at).mul(inverse));
      productSum = productSum.add(load(products, at).mul(code));
      squareSum = squareSum.add(load(weights, at).mul(code).mul(code));
      code.intoArray(codes, at);
    }
    productSum.intoArray(state, PRODUCT_SUM + lane);
    squareSum.intoArray(state, SQUARE_SUM + lane);
  }

  /** One round of a vector of lanes; whether some code of some lane changed. */
  private static boolean improve(
      float[] values,
      float[] weights,
      float[] products,
      float[] codes,
      float[] state,
      int lane) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    boolean changed = false;
    for (int at = lane; at < ELEMENTS; at += LANES) {
      FloatVector productSum = FloatVector.fromArray(Lanes.FLOATS, state, PRODUCT_SUM + lane);
      FloatVector squareSum = FloatVector.fromArray(Lanes.FLOATS, state, SQUARE_SUM + lane);
      FloatVector value = FloatVector.fromArray(Lanes.FLOATS, values, at);
      FloatVector weight = FloatVector.fromArray(Lanes.FLOATS, weights, at);
      FloatVector product = FloatVector.fromArray(Lanes.FLOATS, products, at);
      FloatVector old = FloatVector.fromArray(Lanes.FLOATS, codes, at);
      FloatVector rest = productSum.sub(product.mul(old));
      FloatVector squares = squareSum.sub(weight.mul(old).mul(old));
      FloatVector code = round(value.mul(squares).div(rest));
      VectorMask<Float> other =
          zero.lt(rest).and(code.compare(VectorOperators.NE, old));
      if (other.anyTrue()) {
        rest = rest.add(product.mul(code));
        squares = squares.add(weight.mul(code).mul(code));
        FloatVector before = productSum.mul(productSum).mul(squares);
        FloatVector after = rest.mul(rest).mul(squareSum);
        VectorMask<Float> better =
            before.lt(after).and(zero.lt(squares)).and(other);
        old.blend(code, better).intoArray(codes, at);
        productSum.blend(rest, better).intoArray(state, PRODUCT_SUM + lane);
        squareSum.blend(squares, better).intoArray(state, SQUARE_SUM + lane);
        changed |= better.anyTrue();
      }
    }
    return changed;
  }

  /** As {@link SuperBlock#nearest}, which wraps around; 1.5 * 2^23 is all bits but the code's. */
  private static FloatVector round(FloatVector code) {
    IntVector bits = code.add(SuperBlock.ROUNDING).reinterpretAsInts().and(SuperBlock.MANTISSA);
    return bits.max(SuperBlock.ZERO - BIAS)
        .min(SuperBlock.ZERO + BIAS - 1)
        .or(0x4b000000)
        .reinterpretAsFloats()
        .sub(SuperBlock.ROUNDING);
  }

  private static void finish(float[] state, DescentFit fit, int lane) {
    FloatVector squareSum = load(state, SQUARE_SUM + lane);
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    VectorMask<Float> none =
        load(state, MAGNITUDE + lane).lt(SuperBlock.LEAST_MAGNITUDE).or(zero.lt(squareSum).not());
    load(state, PRODUCT_SUM + lane).div(squareSum).blend(0, none).intoArray(fit.scales, lane);
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.FLOATS, array, at);
  }
}
