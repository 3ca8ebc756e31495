package io.tensorbridge.quantize.extract;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;

/**
 * How many singular values of a difference are kept.
 *
 * @param maxRank at most so many
 * @param energy the share of the squared difference that is enough; 1 for {@code maxRank} always
 */
public record RankLimit(int maxRank, double energy) {
  /** The greatest rank when only the energy is told. */
  public static final int DEFAULT_MAX_RANK = 128;

  /** Refuses what is no limit. */
  public RankLimit {
    if (maxRank < 1) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "rank", maxRank + " is less than 1; adapters have at least rank 1");
    }
    if (!(energy > 0 && energy <= 1)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "energy", energy + " is not above 0 and at most 1, as 0.99 is");
    }
  }

  /**
   * A number of singular values for every layer.
   *
   * @param rank at least 1
   * @return the limit
   */
  public static RankLimit ofRank(int rank) {
    return new RankLimit(rank, 1);
  }

  /**
   * As many as hold a share of the squared difference, up to {@link #DEFAULT_MAX_RANK}.
   *
   * @param energy above 0, at most 1
   * @return the limit
   */
  public static RankLimit ofEnergy(double energy) {
    return new RankLimit(DEFAULT_MAX_RANK, energy);
  }
}
