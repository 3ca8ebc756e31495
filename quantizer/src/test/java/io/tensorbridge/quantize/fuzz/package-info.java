/**
 * Fuzzing of everything that reads files of strangers: each test opens whatever it is given and reads
 * all values; only the exceptions of the contract may come out. In a usual build the tests run over
 * their seeds, the hostile files and former findings; CONTRIBUTING.md tells how they search.
 */
@NullMarked
package io.tensorbridge.quantize.fuzz;

import org.jspecify.annotations.NullMarked;
