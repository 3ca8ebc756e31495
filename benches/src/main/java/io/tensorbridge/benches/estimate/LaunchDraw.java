package io.tensorbridge.benches.estimate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Draws launches first, then samples within each (Kalibera and Jones, <i>Rigorous Benchmarking in
 * Reasonable Time</i>, 2013), since samples of one launch resemble one another.
 *
 * <p>Draws for several series at once, whose samples lie one series behind the other. Series that were
 * taken in turn share their launches, so the same launches are drawn for all of them; a disturbance
 * that hit a whole launch then hits both sides of a ratio. A series of one launch is drawn as it is.
 */
public final class LaunchDraw implements Bootstrap.Draw {
  private static final long LOW_BITS = 0xFFFFFFFFL;

  /** For each series, for each of its launches, the places of its samples. */
  private final List<int[][]> series = new ArrayList<>();

  private final boolean inTurn;
  private final int mostLaunches;

  private LaunchDraw(List<int[]> launches, boolean inTurn) {
    int first = 0;
    for (int[] ofSeries : launches) {
      TreeMap<Integer, List<Integer>> places = new TreeMap<>();
      for (int i = 0; i < ofSeries.length; i++) {
        places.computeIfAbsent(ofSeries[i], launch -> new ArrayList<>()).add(first + i);
      }
      series.add(
          places.values().stream()
              .map(members -> members.stream().mapToInt(Integer::intValue).toArray())
              .toArray(int[][]::new));
      first += ofSeries.length;
    }
    this.inTurn = inTurn;
    mostLaunches = series.stream().mapToInt(each -> each.length).max().orElse(0);
  }

  /**
   * For series of different runs: launches are drawn for each on its own.
   *
   * @param launches for each series the launch of each sample
   * @return the draw
   */
  public static LaunchDraw independent(List<int[]> launches) {
    return new LaunchDraw(launches, false);
  }

  /**
   * For series of one run: those with as many launches draw the same ones.
   *
   * @param launches for each series the launch of each sample
   * @return the draw
   */
  public static LaunchDraw inTurn(List<int[]> launches) {
    return new LaunchDraw(launches, true);
  }

  @Override
  public void into(SplittableRandom random, int[] counts) {
    long[] picks = picks(random);
    for (int[][] launches : series) {
      for (int i = 0; i < launches.length; i++) {
        int[] places = launches[Bootstrap.below(launches.length, picks[i])];
        for (int j = 0; j < places.length; j++) {
          counts[places[Bootstrap.below(places.length, random.nextLong() >>> 32)]]++;
        }
      }
      if (!inTurn) {
        picks = picks(random);
      }
    }
  }

  private long[] picks(SplittableRandom random) {
    long[] picks = new long[mostLaunches];
    Arrays.setAll(picks, i -> random.nextLong() & LOW_BITS);
    return picks;
  }
}
