package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.file.TensorFile;
import io.tensorbridge.quantize.FloatSource;

/** How the values of a tensor are read from the open file that holds it. */
@FunctionalInterface
public interface FloatReading {
  /**
   * The values.
   *
   * @param file the file in which the tensor was found
   * @return its elements as float32, to be read while the file is open
   * @throws io.tensorbridge.FormatException if the stored bytes break a rule of their layout
   */
  FloatSource open(TensorFile file);
}
