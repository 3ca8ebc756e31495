/**
 * Files on disk for those who implement a file format: {@linkplain io.tensorbridge.shm.file.MappedFile
 * mapped} to be read, {@linkplain io.tensorbridge.shm.file.ByteSource bytes} that know their place in a
 * file, and {@linkplain io.tensorbridge.shm.file.PendingFile files} that appear whole or not at all, of which
 * {@linkplain io.tensorbridge.shm.file.TemporaryFile nothing} is left behind.
 */
@NullMarked
package io.tensorbridge.shm.file;

import org.jspecify.annotations.NullMarked;
