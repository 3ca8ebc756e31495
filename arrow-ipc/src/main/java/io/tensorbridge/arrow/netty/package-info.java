/**
 * Memory of ours as buffers of Netty, and the other way round; nothing is copied.
 *
 * <p>A lease lives as long as the reference count of its buffer, and a buffer as long as the region
 * that stands for it. Needs {@code netty-buffer} on the class path.
 */
@NullMarked
package io.tensorbridge.arrow.netty;

import org.jspecify.annotations.NullMarked;
