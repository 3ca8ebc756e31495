/** The last stage without a browser: lines for the terminal, tables for documents. */
@NullMarked
package io.tensorbridge.benches.text;

import org.jspecify.annotations.NullMarked;
