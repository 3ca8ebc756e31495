package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import java.util.Arrays;

/**
 * Checks that all texts of a column of views are UTF-8, each byte once, however many views lead to it.
 *
 * <p>Views that overlap form a run. If a run is UTF-8, and each view in it begins and ends between
 * characters, then so is each view.
 */
final class ViewedText {
  private final ArrowColumn column;
  private final int fixed;

  private ViewedText(ArrowColumn column) {
    this.column = column;
    this.fixed = column.layout().buffers().size();
  }

  /**
   * Checks a column whose views lead into its buffers.
   *
   * @throws FormatException with the byte, if a text is no UTF-8
   */
  static void requireUtf8(ArrowColumn column) {
    new ViewedText(column).requireUtf8();
  }

  private void requireUtf8() {
    ColumnBuffer views = column.buffer(fixed - 1);
    int[] counts = new int[column.bufferCount() - fixed];
    for (long row = 0; row < column.length(); row++) {
      int buffer = bufferOf(views, row);
      if (buffer >= 0) {
        counts[buffer]++;
      } else if (!column.isNull(row)) {
        column.text(row);
      }
    }
    for (int buffer = 0; buffer < counts.length; buffer++) {
      if (counts[buffer] > 0) {
        requireRuns(views, buffer, counts[buffer]);
      }
    }
  }

  /** The data buffer of a row; -1 for one that is null, or lies within its view. */
  private int bufferOf(ColumnBuffer views, long row) {
    long at = row * ArrowLayout.VIEW_BYTES;
    return views.intAt(at) > ArrowColumn.INLINE_BYTES && !column.isNull(row)
        ? views.intAt(at + 8)
        : -1;
  }

  private void requireRuns(ColumnBuffer views, int buffer, int count) {
    int[] begins = new int[count];
    int[] ends = new int[count];
    int found = 0;
    for (long row = 0; row < column.length(); row++) {
      if (bufferOf(views, row) == buffer) {
        begins[found] = views.intAt(row * ArrowLayout.VIEW_BYTES + 12);
        ends[found] = begins[found] + views.intAt(row * ArrowLayout.VIEW_BYTES);
        found++;
      }
    }
    Arrays.sort(begins);
    Arrays.sort(ends);
    ColumnBuffer data = column.buffer(fixed + buffer);
    int first = 0;
    for (int i = 1; i <= count; i++) {
      // As many ends as begins lie before the next view: it begins a run of its own.
      if (i == count || ends[i - 1] <= begins[i]) {
        requireRun(data, begins[first], ends[i - 1]);
        for (int k = first; k < i; k++) {
          requireBoundary(data, begins[k]);
          if (ends[k] < ends[i - 1]) {
            requireBoundary(data, ends[k]);
          }
        }
        first = i;
      }
    }
  }

  private void requireRun(ColumnBuffer data, int begin, int end) {
    long wrong = Utf8.firstMalformed(data.bytes().asSlice(begin, end - begin));
    if (wrong >= 0) {
      throw data.broken(begin + wrong, ArrowColumn.UTF_8,
          "bytes that are no character in a text of the column \"" + column.field().name() + '"');
    }
  }

  private void requireBoundary(ColumnBuffer data, int offset) {
    if ((data.byteAt(offset) & 0xC0) == 0x80) {
      throw data.broken(offset, ArrowColumn.UTF_8, "a text of the column \""
          + column.field().name() + "\" begins or ends within a character");
    }
  }
}
