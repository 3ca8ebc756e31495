/**
 * The batch call: one crossing carries thousands of tensor jobs, through rings in shared memory.
 */
@NullMarked
package io.tensorbridge.batch;

import org.jspecify.annotations.NullMarked;
