package io.tensorbridge.benches.text;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Rows of cells, laid out for a terminal or for Markdown; columns without any content are left out. */
final class TextTable {
  private final List<String> heads;
  private final List<List<String>> rows = new ArrayList<>();

  TextTable(List<String> heads) {
    this.heads = List.copyOf(heads);
  }

  void add(List<String> cells) {
    if (cells.size() != heads.size()) {
      throw new IllegalArgumentException(
          cells.size() + " cells for " + heads.size() + " columns");
    }
    rows.add(List.copyOf(cells));
  }

  /** Columns as wide as their widest cell, two blanks between them; numbers to the right. */
  List<String> forTerminal() {
    List<List<String>> all = new ArrayList<>(List.of(heads));
    all.addAll(rows);
    List<String> lines = new ArrayList<>();
    for (List<String> row : all) {
      StringBuilder line = new StringBuilder();
      for (int column : filled()) {
        int width = all.stream().mapToInt(cells -> cells.get(column).length()).max().orElse(0);
        String cell = row.get(column);
        String gap = " ".repeat(width - cell.length());
        line.append("  ").append(column == 0 ? cell + gap : gap + cell);
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  /** As GitHub renders it. */
  List<String> forMarkdown() {
    int[] columns = filled();
    List<String> lines = new ArrayList<>();
    lines.add(markdownRow(heads, columns));
    lines.add("|" + "---|".repeat(columns.length));
    rows.forEach(row -> lines.add(markdownRow(row, columns)));
    return lines;
  }

  private static String markdownRow(List<String> cells, int[] columns) {
    StringBuilder line = new StringBuilder("|");
    for (int column : columns) {
      line.append(' ').append(cells.get(column).replace("|", "\\|")).append(" |");
    }
    return line.toString();
  }

  private int[] filled() {
    return IntStream.range(0, heads.size())
        .filter(column -> rows.stream().anyMatch(row -> !row.get(column).isEmpty()))
        .toArray();
  }
}
