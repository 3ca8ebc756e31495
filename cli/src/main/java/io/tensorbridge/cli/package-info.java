/**
 * The {@code tensorbridge} command.
 */
@NullMarked
package io.tensorbridge.cli;

import org.jspecify.annotations.NullMarked;
