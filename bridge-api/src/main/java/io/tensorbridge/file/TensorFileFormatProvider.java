package io.tensorbridge.file;

import java.util.List;

/**
 * Describes a file format for {@link java.util.ServiceLoader}; small, so that choosing a format
 * loads none of the others' classes.
 */
public interface TensorFileFormatProvider {
  /**
   * The name of the format.
   *
   * @return the same as {@link TensorFileFormat#name()}
   */
  String name();

  /**
   * The endings by which file names show the format.
   *
   * @return lower case with the dot, for example {@code .safetensors}; longest match wins
   */
  List<String> extensions();

  /**
   * Loads the format.
   *
   * @return a new instance
   */
  TensorFileFormat create();
}
