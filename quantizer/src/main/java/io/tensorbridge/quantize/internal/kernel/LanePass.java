package io.tensorbridge.quantize.internal.kernel;

import java.util.List;

/**
 * A loop of vector code over a tile, its state in the tile's arrays.
 *
 * <p>The compiler inlines until a limit of nodes and boxes the vectors of whatever comes after it,
 * which is slower by an order of magnitude. So a search is a {@link Sequence} of passes: since its
 * one call has many receivers, every pass is compiled alone.
 *
 * @param <T> the tile
 */
interface LanePass<T> {
  void run(T tile);

  /**
   * Passes that run one after the other.
   *
   * @param <T> the tile
   */
  final class Sequence<T> {
    private final List<LanePass<T>> passes;

    private Sequence(List<LanePass<T>> passes) {
      this.passes = passes;
    }

    void run(T tile) {
      for (int i = 0; i < passes.size(); i++) {
        passes.get(i).run(tile);
      }
    }
  }

  static <T> Sequence<T> sequence(List<LanePass<T>> passes) {
    return new Sequence<>(passes);
  }
}
