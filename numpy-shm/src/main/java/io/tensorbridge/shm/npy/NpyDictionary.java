package io.tensorbridge.shm.npy;

/**
 * The three facts of a header, and where in its text they stand.
 *
 * @param descr the dtype's type string
 * @param descrAt its position
 * @param fortranOrder whether the first dimension is fastest
 * @param shape the extents, not checked yet
 * @param shapeAt their position
 */
@SuppressWarnings("ArrayRecordComponent") // made once, never compared
record NpyDictionary(
    String descr, int descrAt, boolean fortranOrder, long[] shape, int shapeAt) {}
