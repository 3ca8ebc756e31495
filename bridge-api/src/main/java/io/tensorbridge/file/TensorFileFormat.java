package io.tensorbridge.file;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A kind of file that holds named tensors; stateless and thread-safe. */
public interface TensorFileFormat {
  /**
   * The name of the format.
   *
   * @return lower case, for example {@code safetensors}
   */
  String name();

  /**
   * Opens a file and checks every rule of the format.
   *
   * @param path the file
   * @return the open file, owned by the caller
   * @throws io.tensorbridge.FormatException if it breaks a rule or can't be read
   */
  TensorFile open(Path path);

  /**
   * Whether tensors of an encoding can be stored.
   *
   * @param encoding a dtype or scheme name
   * @return true if {@link #create} takes such entries
   */
  boolean holds(String encoding);

  /**
   * Begins a file.
   *
   * @param target where it shall appear
   * @param entries all tensors, in the order in which they shall be listed
   * @param metadata text metadata
   * @return the writer, owned by the caller
   * @throws io.tensorbridge.FormatException if the format can't hold an entry, or the disk refuses
   */
  TensorFileWriter create(Path target, List<TensorEntry> entries, Map<String, String> metadata);
}
