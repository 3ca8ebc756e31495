package io.tensorbridge.arrow.flight;

import io.tensorbridge.shm.SharedRegion;
import java.util.List;

/**
 * A table in slabs; immutable. Whoever reads its bodies holds leases on the slabs.
 *
 * @param schema the metadata of the schema's message
 * @param messages dictionaries and batches, in their order
 * @param pieces the slabs, each of them an IPC stream
 * @param rowCount of all batches
 * @param byteCount of all bodies
 * @param hasDictionaries whether only the first pieces may hold values that later ones refer to
 */
@SuppressWarnings("ArrayRecordComponent") // nobody changes it
record StoredTable(
    byte[] schema,
    List<Message> messages,
    List<Piece> pieces,
    long rowCount,
    long byteCount,
    boolean hasDictionaries) {
  /**
   * One dictionary or batch.
   *
   * @param header the metadata of its message
   * @param metadata of the application
   * @param slab where its body is
   * @param byteOffset of the body in the slab
   * @param byteLength of the body
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody changes them
  record Message(
      byte[] header, byte[] metadata, SharedRegion slab, long byteOffset, long byteLength) {}

  /**
   * A slab and how much of it is used.
   *
   * @param slab begins with the schema
   * @param byteLength up to the end of the stream in it
   */
  record Piece(SharedRegion slab, long byteLength) {}
}
