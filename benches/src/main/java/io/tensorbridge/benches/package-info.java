/**
 * Measures what the project claims, and shows it: four stages joined by files.
 *
 * <pre>
 * samples  -&gt;  estimates  -&gt;  comparison  -&gt;  report, terminal lines, tables of documents
 * </pre>
 *
 * <p>A <em>sample</em> is one timed run of some iterations. A <em>benchmark</em> is a
 * <em>contender</em> (a way to do the work) within a <em>group</em> (the work of one size); groups
 * of several sizes form a <em>family</em>. A <em>launch</em> is one opening of everything that a
 * contender needs, for example a JVM; samples of one launch resemble one another. Names and formulas
 * follow criterion.rs.
 */
@NullMarked
package io.tensorbridge.benches;

import org.jspecify.annotations.NullMarked;
