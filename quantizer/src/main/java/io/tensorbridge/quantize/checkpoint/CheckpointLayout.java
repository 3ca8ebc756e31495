package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.quantize.QuantScheme;
import java.util.List;

/** The convention of a library for the entries of a quantized tensor; stateless. */
interface CheckpointLayout {
  /**
   * The name of the layout as a table shows it.
   *
   * @return a few words
   */
  String title();

  /**
   * Whether tensors of a scheme are stored so.
   *
   * @param scheme any scheme
   * @return false for all schemes if the layout can only be read
   */
  boolean takes(QuantScheme scheme);

  /**
   * The entries of a tensor.
   *
   * @param name the tensor's
   * @param scheme one that this layout takes
   * @param shape the tensor's
   * @param source the dtype from which it is quantized
   * @return the entries; every part of the scheme is in one of them
   */
  List<StoredEntry> store(String name, QuantScheme scheme, Shape shape, DType source);

  /**
   * Finds tensors of this layout.
   *
   * @param entries of a file
   * @return those whose entries are all there
   * @throws io.tensorbridge.FormatException if entries of one tensor are missing or don't match
   */
  List<CheckpointTensor> recognise(CheckpointEntries entries);
}
