/**
 * Arrow data on foreign memory: IPC streams and files read in place, tensor types, the C Data interface
 * and Flight.
 */
@NullMarked
package io.tensorbridge.arrow;

import org.jspecify.annotations.NullMarked;
