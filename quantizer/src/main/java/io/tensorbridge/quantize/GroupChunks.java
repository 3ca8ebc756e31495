package io.tensorbridge.quantize;

/**
 * Cuts a grid of groups into chunks of whole groups.
 *
 * <p>Where rows are seamless, a chunk may run over their ends. Else a chunk is a part of one row, or
 * some whole rows. A group that is longer than a chunk should be is a chunk by itself.
 *
 * @param grid the groups
 * @param seamless whether all groups are full and no part has padding at the end of a row
 * @param perChunk how many groups make a chunk
 * @param stride after how many groups the next cut is certain: a row's, or all
 */
record GroupChunks(GroupGrid grid, boolean seamless, long perChunk, long stride) {
  static GroupChunks of(GroupGrid grid, boolean seamless, int chunkElements) {
    long groups = Math.max(1, chunkElements / grid.groupElements());
    if (seamless) {
      return new GroupChunks(grid, seamless, groups, Math.max(1, grid.groups()));
    }
    long perRow = grid.groupsPerRow();
    return groups < perRow
        ? new GroupChunks(grid, seamless, groups, perRow)
        : new GroupChunks(grid, seamless, groups / perRow * perRow, grid.groups());
  }

  int count() {
    return grid.elements() == 0
        ? 0
        : Math.toIntExact(grid.groups() / stride * perStride());
  }

  private long perStride() {
    return Math.ceilDiv(stride, perChunk);
  }

  long firstGroup(int chunk) {
    return chunk / perStride() * stride + chunk % perStride() * perChunk;
  }

  /** The group behind the last of a chunk. */
  long endGroup(int chunk) {
    long strideEnd = (chunk / perStride() + 1) * stride;
    return Math.min(firstGroup(chunk) + perChunk, strideEnd);
  }

  /**
   * The group behind the run that begins with a group: a kernel takes it at once, since only its last
   * group may be short.
   */
  long runEnd(long group, long endGroup) {
    return seamless
        ? endGroup
        : Math.min(endGroup, (group / grid.groupsPerRow() + 1) * grid.groupsPerRow());
  }
}
