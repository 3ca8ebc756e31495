/** The last stage: one self-contained page that shows everything and explains itself. */
@NullMarked
package io.tensorbridge.benches.report;

import org.jspecify.annotations.NullMarked;
