package io.tensorbridge.batch;

import java.util.List;

/**
 * Where the tensors of an item lie; immutable.
 *
 * @param inputs what is read
 * @param outputs what is written; a relative one has the region -1
 * @param regions all regions of both, once for each tensor
 * @param readsFiles whether an input lies in a file
 * @param inputBytes the size of what a run reads
 * @param outputBytes the size of what it writes
 */
record ItemPlaces(
    List<Extent> inputs,
    List<Extent> outputs,
    List<RegisteredRegion> regions,
    boolean readsFiles,
    long inputBytes,
    long outputBytes) {

  /** Whether no region was released since the item was bound. */
  boolean areLive() {
    for (int i = 0; i < regions.size(); i++) {
      if (regions.get(i).isReleased()) {
        return false;
      }
    }
    return true;
  }
}
