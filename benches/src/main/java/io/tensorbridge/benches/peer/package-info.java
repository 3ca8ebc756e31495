/** The JVM side of contenders that don't go over the bridge; each server ends with its input. */
@NullMarked
package io.tensorbridge.benches.peer;

import org.jspecify.annotations.NullMarked;
