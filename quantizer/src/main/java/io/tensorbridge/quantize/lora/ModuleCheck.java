package io.tensorbridge.quantize.lora;

import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import java.nio.file.Path;
import java.util.Optional;

/** The rules that the parts of a module keep with each other. */
final class ModuleCheck {
  /** No trainer makes more: a product times this is damaged, or means another rank. */
  private static final double GREATEST_RATIO = 1 << 16;

  private final Path path;

  ModuleCheck(Path path) {
    this.path = path;
  }

  FormatException broken(String module, String what, String rule) {
    return new FormatException(
        path + ": the module \"" + module + "\" " + what + "; an adapter has " + rule, -1, rule);
  }

  /**
   * Checks a module.
   *
   * @param toldRank by a config
   * @param dora whether a config tells that it is one
   */
  void require(LoraModule module, Optional<Double> toldRank, boolean dora) {
    requireRanks(module);
    module.mid().ifPresent(mid -> requireMid(module, mid.shape()));
    module.magnitude().ifPresent(magnitude -> requireMagnitude(module, magnitude.shape()));
    int rank = module.rank();
    if (toldRank.isPresent() && toldRank.get() != rank) {
      throw broken(
          module.name(),
          "has the rank " + rank + " where its config tells " + toldRank.get().intValue(),
          "one rank for each module");
    }
    if (dora && module.magnitude().isEmpty()) {
      throw broken(
          module.name(), "has no magnitudes though its config tells of a DoRA",
          "a lora_magnitude_vector for each module of a DoRA");
    }
    double ratio = module.ratio();
    if (!(Math.abs(ratio) <= GREATEST_RATIO)) {
      throw broken(
          module.name(),
          "has the alpha " + module.alpha() + " for the rank " + rank,
          "a ratio of alpha to rank of at most " + (long) GREATEST_RATIO);
    }
  }

  private void requireRanks(LoraModule module) {
    Shape down = module.down().shape();
    Shape up = module.up().shape();
    String shapes = "has down (A) " + down + " and up (B) " + up;
    if (down.dimension(0) != up.dimension(1)) {
      throw broken(
          module.name(), shapes + ", of different ranks", "down of [rank, in], up of [out, rank]");
    }
    for (int i = 2; i < up.rank(); i++) {
      if (up.dimension(i) != 1) {
        throw broken(module.name(), shapes, "an up of 1x1 for convolutions");
      }
    }
    if (down.dimension(0) > Short.MAX_VALUE) {
      throw broken(module.name(), shapes, "a rank of at most " + Short.MAX_VALUE);
    }
  }

  private void requireMid(LoraModule module, Shape mid) {
    Shape down = module.down().shape();
    int rank = module.rank();
    boolean fits = mid.rank() == down.rank()
        && mid.elementCount() > 0
        && mid.dimension(0) == rank
        && mid.dimension(1) == rank;
    for (int i = 2; i < down.rank(); i++) {
      fits &= down.dimension(i) == 1;
    }
    if (!fits) {
      throw broken(
          module.name(), "has down " + down + " and mid " + mid,
          "mid of [rank, rank, kh, kw] and down of [rank, in, 1, 1]");
    }
  }

  private void requireMagnitude(LoraModule module, Shape magnitude) {
    boolean byColumn = magnitude.rank() == 2 && magnitude.dimension(0) == 1 && module.rows() != 1;
    if (magnitude.elementCount() != module.rows() || byColumn) {
      throw broken(
          module.name(),
          "has magnitudes " + magnitude + " for " + module.rows() + " rows",
          "one magnitude for each row (DoRA over columns can't be merged)");
    }
  }
}
