/**
 * The second extension point: files of named tensors.
 *
 * <p>A {@link io.tensorbridge.file.TensorFileFormat} opens a file as a {@link
 * io.tensorbridge.file.TensorFile} (entries and their bytes, mapped) and creates one through a
 * {@link io.tensorbridge.file.TensorFileWriter}, which knows all sizes before the first byte, takes
 * bytes in any order from any thread, and appears whole or not at all.
 */
@NullMarked
package io.tensorbridge.file;

import org.jspecify.annotations.NullMarked;
