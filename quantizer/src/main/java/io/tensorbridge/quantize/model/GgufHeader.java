package io.tensorbridge.quantize.model;

import io.tensorbridge.Shape;
import java.util.List;
import java.util.Map;

/**
 * What stands before the tensors' bytes in a GGUF file; an instance from {@link GgufHeaderReader} is
 * the proof that it keeps all rules.
 *
 * <pre>
 *   "GGUF" | u32 version | i64 tensor count | i64 metadata count
 *   metadata:  string key | u32 type | value                                   each
 *   tensors:   string name | u32 rank | i64 extent, innermost first, x rank | u32 type | u64 offset
 *   padding to the alignment
 *   the bytes of each tensor, each padded to the alignment; offsets count from here
 * </pre>
 *
 * @param version 2 or 3
 * @param metadata in the order of the file
 * @param tensors in the order of the file
 * @param dataOffset where in the file the tensors' bytes begin
 */
record GgufHeader(
    int version, Map<String, GgufValue> metadata, List<StoredTensor> tensors, long dataOffset) {
  static final int MAGIC = 0x46554747;
  static final int WRITTEN_VERSION = 3;
  static final int MAX_RANK = 4;
  static final int DEFAULT_ALIGNMENT = 32;
  static final String ALIGNMENT_KEY = "general.alignment";

  /** llama.cpp's {@code GGML_MAX_NAME} without the final zero. */
  static final int LONGEST_LLAMA_NAME = 63;

  /**
   * Holds a tensor's original extents, outermost first, where the stored ones differ; the
   * convention of ComfyUI-GGUF, an array of i32.
   */
  static final String SHAPE_KEY = "comfy.gguf.orig_shape.";

  /**
   * One tensor of the header.
   *
   * @param name unique
   * @param type how the elements are stored
   * @param storedShape the extents in the file, outermost first
   * @param shape the original extents
   * @param begin of its bytes, from the data offset
   * @param byteLength of its bytes, without padding
   */
  record StoredTensor(
      String name, GgmlType type, Shape storedShape, Shape shape, long begin, long byteLength) {}

  static long padded(long byteOffset, long alignment) {
    return Math.ceilDiv(byteOffset, alignment) * alignment;
  }
}
