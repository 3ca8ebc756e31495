/** The first stage: what was measured, as it was measured, from any tool. */
@NullMarked
package io.tensorbridge.benches.sample;

import org.jspecify.annotations.NullMarked;
