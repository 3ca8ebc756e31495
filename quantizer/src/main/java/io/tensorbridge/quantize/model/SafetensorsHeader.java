package io.tensorbridge.quantize.model;

import io.tensorbridge.Shape;
import java.util.List;
import java.util.Map;

/**
 * What the header of a safetensors file says; an instance from {@link SafetensorsHeaderReader} is
 * the proof that it keeps all rules.
 *
 * <pre>
 *   0       8                8+H                        end of file
 *   +-------+----------------+----------------------------+
 *   | u64 H | H bytes of JSON | the bytes of all tensors  |
 *   +-------+----------------+----------------------------+
 * </pre>
 *
 * @param tensors in the order of the header
 * @param metadata of {@code __metadata__}
 * @param dataOffset where in the file the tensors' bytes begin
 */
record SafetensorsHeader(
    List<StoredTensor> tensors, Map<String, String> metadata, long dataOffset) {
  /** Bytes of the length field. */
  static final int PREFIX_BYTES = 8;

  /** The limit of the reference reader. */
  static final int LARGEST_HEADER = 100_000_000;

  static final String METADATA_KEY = "__metadata__";

  /**
   * One tensor of the header.
   *
   * @param name unique
   * @param dtype how the elements are stored
   * @param shape as stored
   * @param begin of its bytes, from the data offset
   * @param end one past its last byte, from the data offset
   */
  record StoredTensor(String name, SafetensorsDtype dtype, Shape shape, long begin, long end) {}
}
