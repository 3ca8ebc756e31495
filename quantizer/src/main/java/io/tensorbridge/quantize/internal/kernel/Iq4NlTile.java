package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.FIRST;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.HALF;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.SMALLEST;
import static io.tensorbridge.quantize.internal.kernel.Iq4NlLayout.TRIES;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The search of {@link Iq4NlLayout} for as many blocks at once as a vector has lanes: a lane is a
 * block and adds up its elements one by one, as ggml does.
 *
 * <p>The 15 trials scale an element to values whose ratio is at most 134/120, and any two cuts of
 * the table on one side of zero have a ratio of at least 1.23. So an element crosses at most one
 * cut, and has at most two codes, in all of them. What an element adds to the sums with either
 * code is computed once; a trial is a multiplication, a comparison and two choices.
 *
 * <p>Not thread-safe: it owns its working memory.
 */
final class Iq4NlTile {
  /** Blocks in a tile. */
  static final int BLOCKS = Lanes.COUNT;

  private static final int LANES = Lanes.COUNT;

  // Sections of a row of the work array; a row is an element of all blocks.
  private static final int VALUE = 0;
  private static final int WEIGHT = LANES;
  private static final int CUT = 2 * LANES;
  private static final int LOW_FIT = 3 * LANES;
  private static final int HIGH_FIT = 4 * LANES;
  private static final int LOW_SQUARE = 5 * LANES;
  private static final int HIGH_SQUARE = 6 * LANES;
  private static final int ROW = 7 * LANES;
  private static final int END = ELEMENTS * ROW;

  // Sections of the state array; a section has a value for each block.
  private static final int MAX = 0;
  private static final int SCALE = LANES;
  private static final int INVERSE = 2 * LANES;
  private static final int BEST = 3 * LANES;
  private static final int FITS = 4 * LANES;
  private static final int SQUARES = 7 * LANES;

  /** Trials that are made together, so that what an element adds is loaded once for all of them. */
  private static final int TOGETHER = 3;

  private final LanePhase[] before = {
      _ -> extremes(this), _ -> weigh(this), _ -> first(this), _ -> brackets(this), _ -> terms(this)
  };
  private final LanePhase[] eachTrial = {trial -> trials(this, trial), _ -> keep(this)};
  private final LanePhase[] after = {_ -> finish(this), _ -> encode(this)};

  private final float[] rows = new float[BLOCKS * ELEMENTS];
  private final float[] importances = new float[BLOCKS * ELEMENTS];
  private final float[] transposed = new float[BLOCKS * ELEMENTS];
  private final byte[] codes = new byte[BLOCKS * ELEMENTS + Lanes.BYTES.length()];
  private final float[] work = new float[END];
  private final float[] state = new float[10 * LANES];
  private final int[] magnitudes = new int[LANES];
  private int magnitude;
  private boolean weighted;

  /** The scale of a block. */
  float scale(int block) {
    return state[SCALE + block];
  }

  /** Stores the codes of a block, two in a byte. */
  void storeNibbles(int block, MemorySegment target, long to) {
    int first = block * ELEMENTS;
    for (int at = 0; at < HALF; at += Lanes.BYTES.length()) {
      ByteVector low = ByteVector.fromArray(Lanes.BYTES, codes, first + at);
      ByteVector high = ByteVector.fromArray(Lanes.BYTES, codes, first + HALF + at);
      low.or(high.lanewise(VectorOperators.LSHL, 4)).intoMemorySegment(target, to + at,
          Lanes.ORDER);
    }
  }

  /** The greatest magnitude of all values ever searched, as raw bits. */
  int magnitude() {
    return magnitude;
  }

  /** Finds the scales of blocks; those that are missing in the last tile are zeros. */
  void search(MemorySegment source, long from, int blocks) {
    load(source, from, blocks, rows);
    transpose(rows, work, VALUE);
    weighted = false;
    run();
  }

  /** Finds the scales of blocks with the importances of their values. */
  void search(
      MemorySegment source, long from, MemorySegment importance, long importanceFrom, int blocks) {
    load(source, from, blocks, rows);
    transpose(rows, work, VALUE);
    load(importance, importanceFrom, blocks, importances);
    transpose(importances, work, WEIGHT);
    weighted = true;
    run();
  }

  private static void load(MemorySegment source, long from, int blocks, float[] rows) {
    int count = blocks * ELEMENTS;
    Strip.load(source, from, rows, count);
    Arrays.fill(rows, count, rows.length, 0f);
  }

  private void transpose(float[] rows, float[] columns, int first) {
    System.arraycopy(rows, 0, transposed, 0, rows.length);
    Butterfly.run(transposed, ELEMENTS, BLOCKS, columns, first, ROW);
  }

  private void run() {
    run(before, 0);
    for (int trial = -TRIES; trial <= TRIES; trial += TOGETHER) {
      run(eachTrial, trial);
    }
    run(after, 0);
  }

  private static void run(LanePhase[] phases, int trial) {
    for (LanePhase phase : phases) {
      phase.run(trial);
    }
  }

  /** Magnitudes and signed extremes. */
  private static void extremes(Iq4NlTile tile) {
    float[] work = tile.work;
    IntVector greatest = IntVector.zero(Lanes.INTS);
    FloatVector extreme = FloatVector.zero(Lanes.FLOATS);
    for (int at = 0; at < END; at += ROW) {
      FloatVector x = FloatVector.fromArray(Lanes.FLOATS, work, at + VALUE);
      IntVector bits = x.reinterpretAsInts().and(0x7fffffff);
      VectorMask<Float> greater = greatest.lt(bits).cast(Lanes.FLOATS);
      greatest = greatest.max(bits);
      extreme = extreme.blend(x, greater);
    }
    // A block that becomes zeros counts as of magnitude 1 meanwhile, which harms nobody.
    VectorMask<Float> small =
        greatest.lt(Float.floatToRawIntBits(SMALLEST)).cast(Lanes.FLOATS);
    extreme.blend(1f, small).intoArray(tile.state, MAX);
    greatest.intoArray(tile.magnitudes, 0);
    tile.magnitude = Math.max(tile.magnitude, greatest.reduceLanes(VectorOperators.MAX));
  }

  private static void weigh(Iq4NlTile tile) {
    if (tile.weighted) {
      weighImportances(tile.work);
    } else {
      weighSquares(tile.work);
    }
  }

  private static void weighSquares(float[] work) {
    for (int at = 0; at < END; at += ROW) {
      FloatVector x = FloatVector.fromArray(Lanes.FLOATS, work, at + VALUE);
      x.mul(x).intoArray(work, at + WEIGHT);
    }
  }

  private static void weighImportances(float[] work) {
    FloatVector sum = FloatVector.zero(Lanes.FLOATS);
    for (int at = 0; at < END; at += ROW) {
      FloatVector x = FloatVector.fromArray(Lanes.FLOATS, work, at + VALUE);
      sum = sum.add(x.mul(x));
    }
    FloatVector variance = sum.mul(Iq4NlLayout.VARIANCE);
    for (int at = 0; at < END; at += ROW) {
      FloatVector x = FloatVector.fromArray(Lanes.FLOATS, work, at + VALUE);
      FloatVector importance = FloatVector.fromArray(Lanes.FLOATS, work, at + WEIGHT);
      importance.mul(variance.add(x.mul(x)).sqrt()).intoArray(work, at + WEIGHT);
    }
  }

  /** The trial of the other sign. */
  private static void first(Iq4NlTile tile) {
    float[] work = tile.work;
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector max = FloatVector.fromArray(Lanes.FLOATS, tile.state, MAX);
    FloatVector inverse = FloatVector.broadcast(Lanes.FLOATS, 1f).div(max.neg().div(FIRST));
    FloatVector fit = zero;
    FloatVector squares = zero;
    for (int at = 0; at < END; at += ROW) {
      FloatVector x = FloatVector.fromArray(Lanes.FLOATS, work, at + VALUE);
      FloatVector value = Iq4NlTable.values(Iq4NlTable.codes(x.mul(inverse)));
      FloatVector weighted =
          FloatVector.fromArray(Lanes.FLOATS, work, at + WEIGHT).mul(value);
      fit = fit.add(weighted.mul(x));
      squares = squares.add(weighted.mul(value));
    }
    FloatVector scale = zero.blend(fit.div(squares), zero.lt(squares));
    scale.intoArray(tile.state, SCALE);
    scale.mul(fit).intoArray(tile.state, BEST);
  }

  /** The one or two codes of every element in the trials. */
  private static void brackets(Iq4NlTile tile) {
    float[] work = tile.work;
    FloatVector max = FloatVector.fromArray(Lanes.FLOATS, tile.state, MAX);
    FloatVector widest = FloatVector.broadcast(Lanes.FLOATS, FIRST - TRIES).div(max);
    FloatVector closest = FloatVector.broadcast(Lanes.FLOATS, FIRST + TRIES).div(max);
    for (int at = 0; at < END; at += ROW) {
      FloatVector x = FloatVector.fromArray(Lanes.FLOATS, work, at + VALUE);
      IntVector far = Iq4NlTable.codes(x.mul(widest));
      IntVector near = Iq4NlTable.codes(x.mul(closest));
      far.min(near).reinterpretAsFloats().intoArray(work, at + LOW_FIT);
      far.max(near).reinterpretAsFloats().intoArray(work, at + HIGH_FIT);
    }
  }

  /** Where the two codes of every element part, and what each adds. */
  private static void terms(Iq4NlTile tile) {
    float[] work = tile.work;
    for (int at = 0; at < END; at += ROW) {
      FloatVector x = FloatVector.fromArray(Lanes.FLOATS, work, at + VALUE);
      FloatVector weight = FloatVector.fromArray(Lanes.FLOATS, work, at + WEIGHT);
      IntVector lowCode =
          FloatVector.fromArray(Lanes.FLOATS, work, at + LOW_FIT).reinterpretAsInts();
      IntVector highCode =
          FloatVector.fromArray(Lanes.FLOATS, work, at + HIGH_FIT).reinterpretAsInts();
      FloatVector low = Iq4NlTable.values(lowCode);
      FloatVector high = Iq4NlTable.values(highCode);
      FloatVector lowWeighted = weight.mul(low);
      FloatVector highWeighted = weight.mul(high);
      Iq4NlTable.cuts(lowCode).intoArray(work, at + CUT);
      lowWeighted.mul(x).intoArray(work, at + LOW_FIT);
      highWeighted.mul(x).intoArray(work, at + HIGH_FIT);
      lowWeighted.mul(low).intoArray(work, at + LOW_SQUARE);
      highWeighted.mul(high).intoArray(work, at + HIGH_SQUARE);
    }
  }

  /** The sums of a trial and the next two. */
  private static void trials(Iq4NlTile tile, int trial) {
    float[] work = tile.work;
    float[] state = tile.state;
    FloatVector max = FloatVector.fromArray(Lanes.FLOATS, state, MAX);
    FloatVector inverseA = FloatVector.broadcast(Lanes.FLOATS, trial + FIRST).div(max);
    FloatVector inverseB = FloatVector.broadcast(Lanes.FLOATS, trial + 1 + FIRST).div(max);
    FloatVector inverseC = FloatVector.broadcast(Lanes.FLOATS, trial + 2 + FIRST).div(max);
    FloatVector fitA = FloatVector.zero(Lanes.FLOATS);
    FloatVector fitB = fitA;
    FloatVector fitC = fitA;
    FloatVector squaresA = fitA;
    FloatVector squaresB = fitA;
    FloatVector squaresC = fitA;
    for (int at = 0; at < END; at += ROW) {
      FloatVector x = FloatVector.fromArray(Lanes.FLOATS, work, at + VALUE);
      FloatVector cut = FloatVector.fromArray(Lanes.FLOATS, work, at + CUT);
      FloatVector lowFit = FloatVector.fromArray(Lanes.FLOATS, work, at + LOW_FIT);
      FloatVector highFit = FloatVector.fromArray(Lanes.FLOATS, work, at + HIGH_FIT);
      FloatVector lowSquare = FloatVector.fromArray(Lanes.FLOATS, work, at + LOW_SQUARE);
      FloatVector highSquare = FloatVector.fromArray(Lanes.FLOATS, work, at + HIGH_SQUARE);
      VectorMask<Float> lowA = x.mul(inverseA).lt(cut);
      VectorMask<Float> lowB = x.mul(inverseB).lt(cut);
      VectorMask<Float> lowC = x.mul(inverseC).lt(cut);
      fitA = fitA.add(highFit.blend(lowFit, lowA));
      fitB = fitB.add(highFit.blend(lowFit, lowB));
      fitC = fitC.add(highFit.blend(lowFit, lowC));
      squaresA = squaresA.add(highSquare.blend(lowSquare, lowA));
      squaresB = squaresB.add(highSquare.blend(lowSquare, lowB));
      squaresC = squaresC.add(highSquare.blend(lowSquare, lowC));
    }
    fitA.intoArray(state, FITS);
    fitB.intoArray(state, FITS + LANES);
    fitC.intoArray(state, FITS + 2 * LANES);
    squaresA.intoArray(state, SQUARES);
    squaresB.intoArray(state, SQUARES + LANES);
    squaresC.intoArray(state, SQUARES + 2 * LANES);
  }

  /** Takes those of the trials that are better, in their order. */
  private static void keep(Iq4NlTile tile) {
    float[] state = tile.state;
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector kept = FloatVector.fromArray(Lanes.FLOATS, state, SCALE);
    FloatVector best = FloatVector.fromArray(Lanes.FLOATS, state, BEST);
    for (int at = 0; at < TOGETHER * LANES; at += LANES) {
      FloatVector fit = FloatVector.fromArray(Lanes.FLOATS, state, FITS + at);
      FloatVector squares = FloatVector.fromArray(Lanes.FLOATS, state, SQUARES + at);
      FloatVector scale = fit.div(squares);
      VectorMask<Float> better =
          best.mul(squares).lt(fit.mul(fit)).and(zero.lt(squares));
      kept = kept.blend(scale, better);
      best = best.blend(scale.mul(fit), better);
    }
    kept.intoArray(state, SCALE);
    best.intoArray(state, BEST);
  }

  private static void finish(Iq4NlTile tile) {
    VectorMask<Float> small =
        IntVector.fromArray(Lanes.INTS, tile.magnitudes, 0)
            .lt(Float.floatToRawIntBits(SMALLEST))
            .cast(Lanes.FLOATS);
    FloatVector scale =
        FloatVector.fromArray(Lanes.FLOATS, tile.state, SCALE).blend(0f, small);
    FloatVector one = FloatVector.broadcast(Lanes.FLOATS, 1f);
    scale.intoArray(tile.state, SCALE);
    one.div(scale).blend(0f, scale.eq(0f)).intoArray(tile.state, INVERSE);
  }

  /** The codes, in the order of the elements. */
  private static void encode(Iq4NlTile tile) {
    for (int block = 0; block < BLOCKS; block++) {
      float inverse = tile.state[INVERSE + block];
      int end = (block + 1) * ELEMENTS;
      for (int at = block * ELEMENTS; at < end; at += LANES) {
        FloatVector scaled = FloatVector.fromArray(Lanes.FLOATS, tile.rows, at).mul(inverse);
        Lanes.storeBytes(Iq4NlTable.codesOfAny(scaled), tile.codes, at);
      }
    }
  }
}
