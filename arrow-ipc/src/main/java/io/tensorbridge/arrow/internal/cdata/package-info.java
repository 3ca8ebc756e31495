/**
 * The C side of the C Data interface: structs, calls into C and calls from C.
 *
 * <p>The only package of this module that uses {@link java.lang.foreign.Linker}. Addresses are plain
 * numbers here; who else needs them says so. Not an API for users.
 */
@NullMarked
package io.tensorbridge.arrow.internal.cdata;

import org.jspecify.annotations.NullMarked;
