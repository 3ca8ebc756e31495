/**
 * The operations that every server has, whatever else is on the class path: {@code noop}, {@code
 * copy} and {@code nonzero}; and those that serve tests.
 */
@NullMarked
package io.tensorbridge.batch.ops;

import org.jspecify.annotations.NullMarked;
